"""TLS over a tunnel, to a server that means no good."""

from time import monotonic

import pytest

from app.errors import Retryable
from app.hosts.http import Deadlines, get
from app.hosts.tls import TlsLine

HELLO_REQUESTS = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 100  # a client that shakes hands ignores them


class Chatterer:
    """Sends without end what asks for nothing and answers nothing."""

    alive = True

    def __init__(self) -> None:
        self._end = monotonic() + 60

    def send(self, data: bytes, timeout: float) -> None: ...

    def recv(self, size: int, timeout: float) -> bytes:
        assert monotonic() < self._end, "somebody listens for ever"
        return HELLO_REQUESTS

    def finish(self) -> None: ...

    def close(self) -> None: ...


def test_a_server_that_chatters_and_never_comes_to_its_answer_is_left_in_time() -> None:
    with pytest.raises(Retryable, match="in time"):
        TlsLine(Chatterer()).send(b"GET / HTTP/1.1", 0.2)
    deadlines = Deadlines(first=0.2, silence=0.2, whole=0.5)
    reply = get(TlsLine(Chatterer()), "there", "/", lambda data: None, limit=100, deadlines=deadlines)
    assert (reply.status, reply.fault) == (0, "takes no request")

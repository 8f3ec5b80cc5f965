"""Documents from web addresses: how long an answer may take, whichever part of it never ends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.hosts.web_api import Bounds, document


@contextmanager
def beginning(begun: bytes) -> Iterator[str]:
    """The authority of a server that begins its answer with these bytes, and never ends it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def serve() -> None:
            connection, _ = server.accept()
            taken.append(connection)
            connection.send(begun)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(60)
        for connection in taken:
            connection.close()


@pytest.mark.parametrize(
    ("scheme", "begun"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nX-Slow: a"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n[]"),  # without a length: it would seem whole once it is cut off
        ("https", b"\x16\x03\x03\x40\x00\x02"),
    ],
)
def test_an_answer_that_does_not_end_in_time_is_cut_off_in_headers_in_its_body_and_in_the_handshake(
    scheme: str, begun: bytes
) -> None:
    with beginning(begun) as authority, pytest.raises(ValueError, match=r"its answer was not whole after 0\.2 s"):
        document(f"{scheme}://{authority}/api/v1/alerts", bounds=Bounds(whole=0.2))

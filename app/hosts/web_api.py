"""GET of a document from a web address that the configuration names: Prometheus, Alertmanager, service discovery.

Every answer has a bound in bytes and in time. The address is never one that a label or an answer names.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2

from app.hosts.wire import within

CONNECTED = "connection.connect_tcp.complete"  # of https://www.python-httpx.org/advanced/extensions/#trace


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of an answer. silence: seconds for a connection, until the answer begins, and between two pieces of it; whole:
    seconds for all of it; largest: bytes of it."""

    silence: float = 10.0
    whole: float = 60.0
    largest: int = 32 << 20


BOUNDS = Bounds()

Parameters = Mapping[str, str | Sequence[str]]


def document(
    url: str,
    parameters: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    bounds: Bounds = BOUNDS,
) -> bytes:
    """The body of the answer. Raises httpx2.HTTPError; ValueError for an answer beyond the bounds."""
    body = bytearray()
    plain = {"Accept-Encoding": "identity", **(headers or {})}  # a compressed answer has no bound until it is unpacked
    asked: Any = dict(parameters) if parameters else None
    with (
        cut_off_after(bounds.whole) as trace,
        httpx2.Client(timeout=bounds.silence) as client,
        client.stream("GET", url, params=asked, headers=plain, extensions={"trace": trace}) as answer,
    ):
        answer.raise_for_status()
        for piece in answer.iter_raw():
            body += piece
            if len(body) > bounds.largest:
                raise ValueError(f"it answers more than {bounds.largest >> 20} MiB")
    return bytes(body)


@contextmanager
def cut_off_after(seconds: float) -> Iterator[Any]:
    """Ends the connections of the block after that time. httpx2's own time-outs begin anew with every byte, in the
    handshake and in the headers too. Yields what it has to trace. Raises ValueError for what was cut off."""
    sockets: list[socket.socket] = []

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == CONNECTED:
            sockets.append(info["return_value"].get_extra_info("socket").dup())  # TLS takes the socket itself away
            if expired.is_set():
                give_up()

    def give_up() -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    with within(seconds, give_up) as expired:
        try:
            yield trace
        except httpx2.HTTPError:
            if not expired.is_set():
                raise
        finally:
            for each in sockets:
                each.close()
    if expired.is_set():  # an answer without a length seems whole when its connection ends
        raise ValueError(f"its answer was not whole after {seconds:g} s")

"""HTTP connections with limits that uvicorn does not have, and the server that enforces them. Used by main.py.

Anybody who reaches the port can open connections and hold them: by not finishing a request, by endless headers or
trailers, by not reading the answer. Such a connection is closed after a time. When there are too many connections, the
one that has waited longest for its client is closed. The guard decides everything else.
"""

import asyncio
from time import monotonic
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ARRIVAL = 30.0  # seconds for a whole request, from the opening or the end of the one before
STALL = 60.0  # seconds within which a client has to read some of an answer
BESIDE = 64 << 10  # bytes of a request outside its body: headers, trailers, chunk sizes
AT_ONCE = 512  # connections; a process may open 1024 files by default, and SSH and the ledger need some
PIPELINED = 16  # requests that wait on one connection

log = structlog.get_logger(__name__)


class Connection(HttpToolsProtocol):
    """One connection. `turn`: when the server last finished its part (time.monotonic); the client is next. `sans`:
    names of which a client certificate has to have one; empty allows any."""

    sans: frozenset[str] = frozenset()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.turn, self.stalled, self.beside = monotonic(), 0.0, 0
        if not has_allowed_name(transport.get_extra_info("peercert"), self.sans):
            log.warning("client certificate without an allowed name", address=self.client and self.client[0])
            transport.abort()
        elif len(self.connections) > AT_ONCE:
            close_longest_waiting([c for c in self.connections if isinstance(c, Connection) and c.awaits_client])

    @property
    def awaits_client(self) -> bool:
        """Whether the client has to send something: a request, or the rest of one."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def data_received(self, data: bytes) -> None:
        self.beside += len(data)
        super().data_received(data)
        if self.beside > BESIDE and not self.transport.is_closing():
            self.refuse(b"431 Request Header Fields Too Large", b"The request has more than 64 KiB beside its body.")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("more requests sent ahead than a client needs")  # the parser gives up: 400
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self.beside -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.turn, self.beside = monotonic(), 0

    def on_response_complete(self) -> None:
        self.turn = monotonic()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self.stalled = monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.stalled = 0.0
        super().resume_writing()

    def sweep(self, now: float) -> None:
        """Closes the connection when its time is up. now: of time.monotonic."""
        if self.stalled and now - self.stalled > STALL:
            self.transport.abort()
        elif self.awaits_client and now - self.turn > ARRIVAL:
            self.refuse(b"408 Request Timeout", b"The request did not arrive within %d seconds." % ARRIVAL)

    def send_400_response(self, msg: str) -> None:
        self.refuse(b"400 Bad Request", msg.encode("ascii"))

    def refuse(self, status: bytes, sentence: bytes) -> None:
        """Sends the status and the sentence, unless an answer to this request has begun, and closes the connection."""
        if self.cycle is None or not self.cycle.response_started or not self.cycle.more_body:
            body = b'{"type":"about:blank","status":%s,"detail":"%s"}' % (status[:3], sentence)
            head = b"content-type: application/problem+json\r\nconnection: close\r\ncontent-length: %d" % len(body)
            self.transport.write(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, head, body))
        self.transport.close()


class Server(uvicorn.Server):
    """A server that checks the time limits of its connections."""

    async def on_tick(self, counter: int) -> bool:
        """uvicorn calls it ten times a second; every tenth call checks the connections."""
        if counter % 10 == 0:
            now = monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.sweep(now)
        return await super().on_tick(counter)


def close_longest_waiting(waiting: list[Connection]) -> None:
    """Closes the connection whose client has been due longest."""
    if waiting:
        longest = min(waiting, key=lambda one: one.turn)
        longest.transport.abort()
        longest.connections.discard(longest)  # at once, because uvicorn counts them


def has_allowed_name(certificate: Any, sans: frozenset[str]) -> bool:
    """Whether a verified certificate (as ssl.getpeercert) has one of these names; always true without names."""
    if not sans or not certificate:
        return True
    return not sans.isdisjoint(value for _, value in certificate.get("subjectAltName", ()))


def connections(sans: frozenset[str]) -> type[Connection]:
    """A class for connections whose client certificate has to have one of these names."""
    return type("Connection", (Connection,), {"sans": sans})

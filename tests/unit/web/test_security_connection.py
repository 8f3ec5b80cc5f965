"""Connections that want to stay: half a request, heads and trailers without end, answers that nobody takes."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.web.transport import connection as module
from app.web.transport.connection import BESIDE, PIPELINED, Connection, Server, has_allowed_name

LONG = 60.0
WHOLE = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """/: reads the body and says how long it is. /endless: answers without end. /early: answers without reading."""
    size, more = 0, scope["path"] == "/"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while scope["path"] == "/endless" and (await asyncio.wait_for(receive_now(receive), LONG)):
        await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
    await send({"type": "http.response.body", "body": b"%d" % size})


async def receive_now(receive: Receive) -> bool:
    """Whether the other side is still there."""
    waiting = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    gone = waiting.done() and waiting.result()["type"] == "http.disconnect"
    waiting.cancel()
    return not gone


class Place:
    """The server in a thread."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1000)
        config = uvicorn.Config(
            answer, http=Connection, loop="uvloop", ws="none", log_config=None, lifespan="off", access_log=False
        )
        self.server = Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def dial(self) -> socket.socket:
        return socket.create_connection(self.socket.getsockname(), timeout=LONG)

    def close(self) -> None:
        self.server.force_exit = self.server.should_exit = True
        self.thread.join(LONG)


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@pytest.fixture
def dialled(place: Place) -> Iterator[Callable[[bytes], socket.socket]]:
    """dialled(data): a connection on which `data` has been sent."""
    with ExitStack() as open_ones:

        def dial(data: bytes) -> socket.socket:
            sock = open_ones.enter_context(place.dial())
            sock.sendall(data)
            return sock

        yield dial


Dial = Callable[[bytes], socket.socket]


def rest(sock: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    said = b""
    try:
        while data := sock.recv(1 << 16):
            said += data
    except ConnectionError:
        pass
    return said


def test_a_whole_request_is_answered_and_the_connection_serves_the_next(dialled: Dial) -> None:
    sock = dialled(WHOLE)
    assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    sock.sendall(WHOLE)
    assert sock.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "part",
    [b"", WHOLE[:-2], b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc"],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_request_that_never_arrives_ends_with_408(
    dialled: Dial, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(module, "ARRIVAL", 0.2)
    assert rest(dialled(part)).startswith(b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json")


def test_a_body_that_drips_on_after_an_early_answer_is_ended_too(
    dialled: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ARRIVAL", 0.2)
    sock = dialled(CHUNKED.replace(b"POST /", b"POST /early") + b"1\r\na\r\n")
    said = rest(sock)
    assert said.startswith(b"HTTP/1.1 200")
    assert said.count(b"HTTP/1.1") == 1, "no second answer to one request"


def flood(sock: socket.socket, piece: bytes, most: int) -> int:
    """Sends `piece` again and again; how much went until the server had enough."""
    sent = 0
    try:
        while sent < most:
            sent += sock.send(piece)
            sock.setblocking(False)
            try:
                if sock.recv(1, socket.MSG_PEEK):
                    break
            except BlockingIOError:
                pass
            finally:
                sock.settimeout(LONG)
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET / HTTP/1.1\r\n", b"x: " + b"y" * 1000 + b"\r\n"),
        (b"GET / HTTP/1.1\r\nx: ", b"y" * 1000),
        (b"GET /", b"y" * 1000),
        (CHUNKED + b"0\r\n", b"x: " + b"y" * 1000 + b"\r\n"),
        (CHUNKED, b"1;" + b"y" * 1000 + b"\r\nz\r\n"),
    ],
    ids=["headers", "one header", "address", "trailers", "chunk extensions"],
)
def test_what_is_no_body_has_an_end(dialled: Dial, begin: bytes, piece: bytes) -> None:
    sock = dialled(begin)
    sent = flood(sock, piece, 64 << 20)
    assert sent < 32 << 20, "most of it waits in the buffers of two sockets"
    assert rest(sock)[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400", b"")


def test_a_long_body_in_small_chunks_is_no_flood(dialled: Dial) -> None:
    chunk = b"400\r\n" + b"z" * 1024 + b"\r\n"
    sock = dialled(CHUNKED.replace(b"\r\nhost", b"\r\nconnection: close\r\nhost"))
    for _ in range(64):
        sock.sendall(chunk * 64)
    sock.sendall(b"0\r\n\r\n")
    assert b"%d" % (64 * 64 * 1024) in rest(sock)
    assert BESIDE > 64 * 64 * 9, "what the chunks themselves need"


def test_requests_sent_far_ahead_are_refused(dialled: Dial) -> None:
    said = rest(dialled(WHOLE * (PIPELINED + 200)))
    assert said.count(b"HTTP/1.1") < PIPELINED + 200
    assert b"HTTP/1.1 400" in said


def test_an_answer_that_nobody_takes_is_given_up(dialled: Dial, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL", 0.2)
    dialled(WHOLE.replace(b"/ ", b"/endless "))
    end = time.monotonic() + LONG
    while not place.server.server_state.connections and time.monotonic() < end:
        time.sleep(0.01)
    while place.server.server_state.connections and time.monotonic() < end:
        time.sleep(0.01)
    assert not place.server.server_state.connections


def test_those_that_have_waited_longest_are_closed(dialled: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 20)
    idle = [dialled(b"GET / HTTP/1.1\r\n") for _ in range(60)]
    assert dialled(WHOLE).recv(4096).startswith(b"HTTP/1.1 200")
    for sock in idle[:40]:
        assert rest(sock) == b""


@pytest.mark.parametrize(
    ("certificate", "sans", "let_in"),
    [
        (None, {"am"}, True),  # TLS has decided already whether one is needed
        ({"subjectAltName": (("DNS", "am"), ("IP Address", "10.0.0.1"))}, {"10.0.0.1"}, True),
        ({"subjectAltName": (("DNS", "am"),)}, set(), True),
        ({"subjectAltName": (("DNS", "am.evil.example"),)}, {"am"}, False),
        ({"subject": ((("commonName", "am"),),)}, {"am"}, False),
    ],
)
def test_a_certificate_needs_one_of_the_names(certificate: object, sans: set[str], let_in: bool) -> None:
    assert has_allowed_name(certificate, frozenset(sans)) is let_in

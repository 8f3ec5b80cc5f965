"""One message over a WebSocket: what leaves, and what a server that is none comes to."""

import base64
import hashlib
import json

import pytest

from app.errors import Retryable
from app.hosts.websocket import send_and_close

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
URL = "ws://127.0.0.1:9229/0f2c936f-b1cd-4ac9-aab3-f63b0f33d55e"


class Server:
    """The far end. answer: what it says to the handshake; None for what RFC 6455 asks for."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.sent: list[bytes] = []
        self._answer = answer

    def send(self, data: bytes, timeout: float) -> None:
        self.sent.append(data)

    def recv(self, size: int, timeout: float) -> bytes:
        if self._answer is not None:
            answer, self._answer = self._answer[:size], b""
            return answer
        (key,) = [line[19:] for line in self.sent[0].split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: ")]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324 - RFC 6455
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        return head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"

    def close(self) -> None:
        raise AssertionError("whoever opened the line closes it")


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """(opcode, payload) of masked frames of less than 64 KiB."""
    found = []
    while data:
        size, at = data[1] & 127, 2
        if size == 126:
            size, at = int.from_bytes(data[2:4]), 4
        mask, body = data[at : at + 4], data[at + 4 : at + 4 + size]
        found.append((data[0] & 15, bytes(byte ^ mask[n % 4] for n, byte in enumerate(body))))
        data = data[at + 4 + size :]
    return found


@pytest.mark.parametrize("size", [1, 4000])
def test_the_message_and_the_end_of_the_connection_leave_together(size: int) -> None:
    server, message = Server(), json.dumps({"said": "é" * size})
    send_and_close(server, URL, message, 5)
    handshake, last = server.sent
    assert handshake.startswith(b"GET /0f2c936f-b1cd-4ac9-aab3-f63b0f33d55e HTTP/1.1\r\n")
    assert frames(last) == [(1, message.encode()), (8, (1000).to_bytes(2))]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"x" * 100_000,
    ],
)
def test_a_server_that_speaks_no_websocket_gets_no_message(answer: bytes) -> None:
    server = Server(answer)
    with pytest.raises(Retryable, match="does not speak WebSocket"):
        send_and_close(server, URL, "{}", 5)
    assert len(server.sent) == 1

"""A bare TCP echo in a process of its own: what a round trip costs before anybody does anything."""

import socket
import subprocess
import sys
from typing import Self

REQUEST = b"12 start 12345 123456789 4198400:140726347891234 timed 30 0123456789abcdef0123456789abcdef\n"


class Echo:
    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.bench.echo"]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._server.stdout
        self._peer = socket.create_connection(("127.0.0.1", int(self._server.stdout.readline())))
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def round_trip(self) -> None:
        self._peer.sendall(REQUEST)
        self._peer.recv(4096)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._peer.close()
        self._server.communicate(timeout=10)


def serve() -> None:
    """Answers one peer until it goes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        peer, _ = server.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := peer.recv(4096):
        peer.sendall(data)


if __name__ == "__main__":
    serve()

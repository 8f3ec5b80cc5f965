"""A line between two programs on loopback that is long or narrow, as the lines to far hosts are."""

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Self

PIECE = 64 << 10
HELD = 32 << 20  # bytes under way on a long line


class Relay:
    """Listens on `port` and connects to the port `to`. delay: seconds of a round trip; rate: bytes a second."""

    def __init__(self, to: int, *, delay: float = 0.0, rate: float = 0.0) -> None:
        self._to, self._delay, self._rate = to, delay / 2, rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._ways: list[_Way] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends += [client, server]
                for source, sink in ((client, server), (server, client)):
                    self._ways.append(_Way(source, sink, self._delay, self._rate))
                    self._ways[-1].begin()

    @property
    def passed(self) -> int:
        """Bytes that have come so far, in both directions; without the headers of TCP and IP."""
        return sum(way.passed for way in self._ways)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class _Way:
    """From one end to the other. Without a delay it holds one piece, so that its pace is felt at once."""

    def __init__(self, source: socket.socket, sink: socket.socket, delay: float, rate: float) -> None:
        self._source, self._sink, self._delay, self._rate = source, sink, delay, rate
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._bytes, self._changed = 0, threading.Condition()
        self.passed = 0

    def begin(self) -> None:
        for work in (self._take, self._give):
            threading.Thread(target=work, daemon=True).start()

    def _take(self) -> None:
        data = b"x"
        while data:
            try:
                data = self._source.recv(PIECE)
            except OSError:
                data = b""
            with self._changed:
                self._under_way.append((time.monotonic() + self._delay, data))
                self._bytes += len(data)
                self.passed += len(data)
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._bytes < (HELD if self._delay else PIECE))

    def _give(self) -> None:
        with suppress(OSError):
            free = 0.0
            while data := self._next():
                free = max(free, time.monotonic()) + (len(data) / self._rate if self._rate else 0.0)
                self._sink.sendall(data)
                time.sleep(max(free - time.monotonic(), 0.0))
            self._sink.shutdown(socket.SHUT_WR)

    def _next(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way)
            due, data = self._under_way.popleft()
            self._bytes -= len(data)
            self._changed.notify_all()
        time.sleep(max(due - time.monotonic(), 0.0))
        return data

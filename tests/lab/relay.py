"""A line between two programs on loopback that is long or narrow, as the lines to far hosts are.

It counts round trips: what a client sends after it has heard an answer belongs to a later one than what it sent before.
With a delay that is long against the time that both ends need, this is the number of delays that somebody waited for,
whatever else the machine does.
"""

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
                there = _Way(client, server, self._delay, self._rate)
                back = _Way(server, client, self._delay, self._rate)
                there.answers, back.answers = back, there
                for way in (there, back):
                    self._ways.append(way)
                    way.begin()

    @property
    def passed(self) -> int:
        """Bytes that have come so far, in both directions; without the headers of TCP and IP."""
        return sum(way.passed for way in self._ways)

    def trips(self, until: float | None = None) -> float:
        """Round trips of the longest connection so far, or until then (time.time): that of its SYN, and a half for each
        way after that."""
        last = time.time() if until is None else until
        return max((1 + half / 2 for way in self._ways for at, half in way.halves if at <= last), default=0.0)

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
        self._under_way: deque[tuple[float, int, bytes]] = deque()
        self._bytes, self._changed = 0, threading.Condition()
        self.passed = 0
        self.answers: _Way | None = None
        self.halves = [(0.0, 0)]  # when something came out of it (time.time): how many halves of round trips it took

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
                half = 1 + (self.answers.halves[-1][1] if self.answers else 0)
                self._under_way.append((time.monotonic() + self._delay, half, data))
                self._bytes += len(data)
                self.passed += len(data)
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._bytes < (HELD if self._delay else PIECE))

    def _give(self) -> None:
        with suppress(OSError):
            free = 0.0
            while True:
                due, half, data = self._next()
                if not data:
                    break
                self.halves.append((time.time(), max(half, self.halves[-1][1])))
                # by when it came and not by when this thread woke, so that a busy machine makes no narrower line
                free = max(free, due) + (len(data) / self._rate if self._rate else 0.0)
                self._sink.sendall(data)
                time.sleep(max(free - time.monotonic(), 0.0))
            self._sink.shutdown(socket.SHUT_WR)

    def _next(self) -> tuple[float, int, bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way)
            due, half, data = self._under_way.popleft()
            self._bytes -= len(data)
            self._changed.notify_all()
        time.sleep(max(due - time.monotonic(), 0.0))
        return due, half, data

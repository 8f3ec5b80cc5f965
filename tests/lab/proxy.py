"""A line between two programs on loopback that can be cut in the ways in which networks are cut.

Everything that a program connects to stays what it is; only the connection goes through here.
"""

import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from typing import Self

AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST and forgets what was under way


class Cut(StrEnum):
    """What happens to the connections that there are. Who connects while it is cut fares alike."""

    RST = "RST"  # both ends are told at once
    FIN = "FIN"  # both ends see an orderly end
    STALL = "stall"  # nothing moves; what was under way arrives after all when the line is restored
    HOLE = "black hole"  # whatever is sent is swallowed, for good, and neither end is told
    DEAF = "half a black hole"  # requests arrive, answers are swallowed


class Line:
    """Listens on `port` and connects to the port `to`, both on 127.0.0.1."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._cut: Cut | None = None
        self._moving = threading.Event()
        self._moving.set()
        self._lock = threading.Lock()
        self._wires: list[_Wire] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name=f"line-{self.port}").start()

    def cut(self, how: Cut) -> None:
        """Until `restore`. Connections that end by it do not come back."""
        with self._lock:
            self._cut = how
            if how is Cut.STALL:
                self._moving.clear()
            for wire in self._wires:
                wire.suffer(how)

    def restore(self) -> None:
        """New connections go through again; of the old ones only those that were stalled."""
        with self._lock:
            self._cut = None
            self._wires = [wire for wire in self._wires if wire.whole]
        self._moving.set()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut(Cut.RST)
        self._moving.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with suppress(OSError):
                    self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        if self._cut in (Cut.HOLE, Cut.DEAF):  # a server that hears nobody
            server, other_end = socket.socketpair()
            self._begin(_Wire(client, server, self._moving, silent=other_end))
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._to), timeout=10)
        except OSError:
            client.close()
            raise
        server.settimeout(None)
        self._begin(_Wire(client, server, self._moving))

    def _begin(self, wire: "_Wire") -> None:
        with self._lock:
            self._wires.append(wire)
            if self._cut:
                wire.suffer(self._cut)
        wire.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Wire:
    """One connection through: a thread for each direction."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        moving: threading.Event,
        silent: socket.socket | None = None,
    ) -> None:
        """silent: the far end of a server that is none; kept open."""
        self.whole = silent is None
        self._client, self._server, self._moving, self._silent = client, server, moving, silent
        self._swallowed: set[socket.socket] = set()  # what comes from there goes nowhere
        self._fate: Cut | None = None
        self._running = 2

    def start(self) -> None:
        for source, sink in ((self._client, self._server), (self._server, self._client)):
            for each in (source, sink):
                if each.family == socket.AF_INET:
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def suffer(self, how: Cut) -> None:
        if how is Cut.STALL:
            return
        self.whole = False
        if how is Cut.DEAF:
            self._swallowed = {self._server}
        elif how is Cut.HOLE:
            self._swallowed = {self._server, self._client}
        else:
            self._fate = how
            for each in (self._client, self._server):
                with suppress(OSError):  # wakes its reader and sends nothing: what is said is said by close()
                    each.shutdown(socket.SHUT_RD)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._moving.wait()
                if self._fate:
                    break
                if source not in self._swallowed:
                    sink.sendall(data)
        self._moving.wait()
        if source in self._swallowed:  # nobody is told that this end has gone, as nobody is told anything
            return
        if self._fate is None:
            self.whole = False
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)
        self._running -= 1
        if self._fate or self._running == 0:
            self._close()

    def _close(self) -> None:
        for each in (self._client, self._server):
            with suppress(OSError):
                if self._fate is Cut.RST:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                if self._fate is Cut.FIN:
                    each.shutdown(socket.SHUT_RDWR)
            each.close()

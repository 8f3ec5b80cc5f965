"""A line to PostgreSQL's unix socket that is cut at a COMMIT: before the server hears of it, or before its answer."""

import socket
import threading
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Self


class CutAt(StrEnum):
    """What is lost."""

    REQUEST = "request"  # the server rolls back
    ANSWER = "answer"  # the server has committed


class CommitLine:
    """Clients that connect to the server by `url` go through here. folder: of the server's socket."""

    def __init__(self, server_url: str, folder: Path) -> None:
        self._server = f"{server_url.split('host=')[1].split('&', maxsplit=1)[0]}/.s.PGSQL.5432"
        self.url = f"{server_url.split('host=', maxsplit=1)[0]}host={folder}"
        self.cuts: list[CutAt] = []  # of the next commits
        self.closed = False  # whether clients are turned away after a cut
        self.turned_away = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.turned_away:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if b"COMMIT" in data and self.cuts:
                    cut = self.cuts.pop(0)
                    self.turned_away = self.closed
                    client.shutdown(socket.SHUT_WR)  # `_answer` delivers nothing more
                    if cut is CutAt.ANSWER:
                        server.sendall(data)
                        server.settimeout(10)
                        server.recv(1 << 16, socket.MSG_PEEK)  # it is committed
                    break
                server.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)

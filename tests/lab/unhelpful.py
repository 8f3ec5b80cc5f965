"""Hosts that hold a caller up, of four kinds: they say one byte a second, are down, refuse, or start shells slowly.

Every host is an address of this machine: 127.10.*, 127.11.* and so on.
"""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import ports
from tests.lab.account import account
from tests.lab.sshd import Sshd

KINDS = {"trickles": "127.10", "is down": "127.11", "refuses": "127.12", "starts slowly": "127.13"}


@dataclass(frozen=True, slots=True)
class Unhelpful:
    """hosts: the entries of the configuration's `hosts`; known: lines of known_hosts; home: of the account whose shells
    start slowly."""

    hosts: list[dict[str, Any]]
    known: str
    trickling: "Trickling"
    home: Path


@contextmanager
def unhelpful(folder: Path, startup: str, shell_timeout: str) -> Iterator[Unhelpful]:
    """startup: what those that start slowly do first, in ~/.bashrc. Only root may make their account."""
    with ExitStack() as ends:
        trickling = Trickling()
        ends.callback(trickling.close)
        user = ends.enter_context(account("/bin/bash", {".bashrc": startup}))
        slow = ends.enter_context(Sshd(folder / "slow", user=user, listen="0.0.0.0", startup=True))
        hosts: list[dict[str, Any]] = [
            {"match": "127.10.*", "port": trickling.port},
            {"match": "127.11.*", "port": ends.enter_context(hole())},
            {"match": "127.12.*", "port": ports.free()},
            {"match": "127.13.*", "port": slow.port, "user": user, "identity_file": str(slow.client_key)}
            | {"shell_timeout": shell_timeout},
        ]
        key = " ".join(slow.known_hosts.read_text().split()[1:3])
        known = "".join(f"[{each['match']}]:{each['port']} {key}\n" for each in hosts)
        yield Unhelpful(hosts, known, trickling, Path(f"~{user}").expanduser())


class Trickling:
    """A server that says one byte a second to whoever connects. most: connections at a time to one address."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("0.0.0.0", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._lock, self._now, self.most = threading.Lock(), Counter[str](), Counter[str]()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._trickle, args=self._listener.accept()[:1], daemon=True).start()

    def _trickle(self, peer: socket.socket) -> None:
        address = peer.getsockname()[0]
        with self._lock:
            self._now[address] += 1
            self.most[address] = max(self.most[address], self._now[address])
        with suppress(OSError), peer:
            peer.settimeout(1)
            for letter in b"SSH-2.0-OpenSSH_9.2p1 Debian-2 and so on":
                peer.send(bytes([letter]))
                with suppress(TimeoutError):
                    if not peer.recv(1000):
                        break
        with self._lock:
            self._now[address] -= 1

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def hole() -> Iterator[int]:
    """A port at which nobody hears of a connection: nothing is accepted, and the queue is full."""
    with ExitStack() as ends, socket.create_server(("0.0.0.0", 0), backlog=0) as listener:
        port: int = listener.getsockname()[1]
        with suppress(TimeoutError):
            for _ in range(64):
                ends.enter_context(socket.create_connection(("127.0.0.1", port), timeout=0.5))
        yield port

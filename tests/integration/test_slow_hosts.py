"""Ten hosts of each kind that hold a caller up, with several alerts each, beside hosts that answer: all of it real.

Every host is an address of this machine. What is asserted is the order in which things happen, and never how long.
"""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scene import Scene, alert
from tests.lab import ports
from tests.lab.account import POSSIBLE, account
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service

ALERTS = 7  # about each host that holds us up
KINDS = {"trickles": "127.10", "is down": "127.11", "refuses": "127.12", "starts slowly": "127.13"}
ABSENT = 4_194_303  # a pid
LIMITS = {"per_host": 5, "per_service": 100, "at_once": 100}


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


@contextmanager
def fleet(folder: Path) -> Iterator[tuple[Scene, Trickling, Path]]:
    """alertprof, an sshd for 127.1.*, and the four kinds of other hosts; the file without which those that start slowly
    do not begin a shell."""
    with ExitStack() as ends:
        trickling = Trickling()
        ends.callback(trickling.close)
        user = ends.enter_context(account("/bin/bash", {".bashrc": "until [ -e ~/go ]; do sleep 0.2; done"}))
        slow = ends.enter_context(Sshd(folder / "slow", user=user, listen="0.0.0.0", startup=True))
        others: list[dict[str, Any]] = [
            {"match": "127.10.*", "port": trickling.port},
            {"match": "127.11.*", "port": ends.enter_context(hole())},
            {"match": "127.12.*", "port": ports.free()},
            {"match": "127.13.*", "port": slow.port, "user": user, "identity_file": str(slow.client_key)}
            | {"shell_timeout": "5m"},
        ]
        known = folder / "known_hosts"
        config = {"hosts": others, "allowed_hosts": ["127.0.0.0/8"], "limits": LIMITS}
        where_known = {"known_hosts_file": str(known)}
        scene = ends.enter_context(
            Scene(folder, duration="2s", sshd={"listen": "0.0.0.0"}, ssh=where_known, config=config)
        )
        key = " ".join(scene.sshd.known_hosts.read_text().split()[1:3])
        slow_key = " ".join(slow.known_hosts.read_text().split()[1:3])
        lines = [f"[127.1.*]:{scene.sshd.port} {key}", *(f"[{each['match']}]:{each['port']} {key}" for each in others)]
        known.write_text("\n".join([*lines[:-1], f"[127.13.*]:{slow.port} {slow_key}", ""]))
        yield scene, trickling, Path(f"~{user}").expanduser() / "go"


def holding_up() -> Sequence[dict[str, Any]]:
    """The alerts about the hosts that hold us up."""
    hosts = [f"{net}.0.{n}" for net in KINDS.values() for n in range(1, 11)]
    return [about(host, n, pid=ABSENT) for n in range(ALERTS) for host in hosts]


def about(host: str, number: int, pid: int) -> dict[str, Any]:
    return alert(f"{host.replace('.', '-')}-{number}", host=host, n=number, pid=pid, service=host)


def tried(scene: Scene, kind: str) -> Counter[str]:
    """The alerts about hosts of this kind that were tried and have to be tried again, or have ended, by host."""
    found = scene.ask("GET", "/captures", params={"limit": 500}).json()["captures"]
    began = (each for each in found if each["state"] != "pending" or len(each["timeline"]) > 1)
    hosts = (str(each["trigger"]["labels"]["host"]) for each in began)
    return Counter(host for host in hosts if host.startswith(KINDS[kind]))


@pytest.mark.skipif(not POSSIBLE, reason="only root may make accounts")
def test_hosts_that_hold_us_up_hold_up_no_others_whatever_they_do(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    targets = {f"127.1.0.{n}": run_target("toggle") for n in range(1, 5)}
    with fleet(tmp_path) as (scene, trickling, go):
        wanted = [about(host, n, pid=target.pid) for n in range(3) for host, target in targets.items()]
        ids = scene.deliver(*holding_up(), *wanted)["captures"][-len(wanted) :]
        eventually(lambda: all(target.count("start") for target in targets.values()), "all healthy hosts record", 120)
        captures = [scene.service.wait_capture(each, timeout=120) for each in ids]
        assert Counter(each["state"] for each in captures) == {"completed": 4, "skipped": 8}
        assert {each["reason"]["code"] for each in captures if each["reason"]} == {"duplicate"}
        assert [target.count("usr2") for target in targets.values()] == [2] * 4
        assert scene.sshd.log().count("Accepted publickey") == len(targets), "each of them was visited once"
        eventually(lambda: len(trickling.most) == 10, "those that trickle were all tried", 120)
        assert set(trickling.most.values()) == {1}, "one connection at a time"
        assert tried(scene, "starts slowly").total() == 0, "not one of them has begun"
        go.touch()
        eventually(lambda: len(tried(scene, "starts slowly")) == 10, "those that start slowly have their turn", 120)
        states = scene.ask("GET", "/captures", params={"limit": 500}).json()["captures"]
        assert len(states) == 4 * 10 * ALERTS + len(wanted), "no alert was lost"

"""Three real Alertmanagers in a cluster that is partitioned and healed, all posting to one alertprof.

What a peer tells the others goes over relays (TCP and UDP), which is where the cluster is cut: the programs themselves
go on, each believes the others dead, and each sends every notification. Prometheus tells all three of every alert;
their startsAt differ. ALERTPROF_EPISODES says how many episodes there are (50).
"""

import os
import re
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.lab import ports
from tests.lab.process import Process, eventually
from tests.lab.proxy import Cut, Line
from tests.lab.service import Alertprof

EPISODES = int(os.environ.get("ALERTPROF_EPISODES", "50"))
PEERS = 3

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("prometheus-alertmanager"),
        reason="prometheus-alertmanager is not installed: tests/lab/prepare.sh does it",
    ),
]


class Relay:
    """The way to one peer: whatever comes to `port`, over TCP or UDP, goes on to the port `to`, until it is cut."""

    def __init__(self, to: int) -> None:
        self._to, self._cut = to, False
        self._ends = ExitStack()
        while True:
            self._line = Line(to)
            self.port = self._line.port
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._udp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self._line.close()
        self._specs: dict[tuple[str, int], socket.socket] = {}
        self._thread(self._inward)

    def cut(self) -> None:
        self._cut = True
        self._line.cut(Cut.HOLE)

    def restore(self) -> None:
        self._cut = False
        self._line.restore()

    def close(self) -> None:
        self._line.close()
        for each in (self._udp, *self._specs.values()):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _inward(self) -> None:
        with suppress(OSError):
            while True:
                data, sender = self._udp.recvfrom(1 << 16)
                if not data:
                    return
                if sender not in self._specs:
                    way = self._specs[sender] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    way.connect(("127.0.0.1", self._to))
                    self._thread(self._outward, sender, way)
                if not self._cut:
                    with suppress(ConnectionRefusedError):
                        self._specs[sender].send(data)

    def _outward(self, sender: tuple[str, int], way: socket.socket) -> None:
        with suppress(OSError):
            while data := way.recv(1 << 16):
                if not self._cut:
                    self._udp.sendto(data, sender)

    def _thread(self, run: Any, *args: Any) -> None:
        threading.Thread(target=run, args=args, daemon=True).start()


class Peer:
    """One Alertmanager of the cluster. Sends every alert by itself, at once, and repeats it every few seconds."""

    def __init__(self, number: int, folder: Path, listen: int, relays: Sequence[Relay], webhook: str) -> None:
        folder.mkdir()
        route = {
            "receiver": "r",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "5s",
        }
        config = folder / "alertmanager.yml"
        receiver = {"name": "r", "webhook_configs": [{"url": webhook}]}
        config.write_text(yaml.safe_dump({"route": route, "receivers": [receiver]}))
        web = ports.free()
        self.url, self.late = f"http://127.0.0.1:{web}", timedelta(seconds=30 * number)
        argv = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={folder / 'data'}"]
        argv += [f"--web.listen-address=127.0.0.1:{web}", f"--cluster.listen-address=127.0.0.1:{listen}"]
        argv += [f"--cluster.advertise-address=127.0.0.1:{relays[number].port}"]
        argv += [f"--cluster.peer=127.0.0.1:{relay.port}" for n, relay in enumerate(relays) if n != number]
        hasty = {"peer-timeout": "1s", "probe-interval": "300ms", "probe-timeout": "200ms", "gossip-interval": "100ms"}
        hasty |= {"pushpull-interval": "2s", "reconnect-interval": "1s", "settle-timeout": "30s", "tcp-timeout": "2s"}
        argv += [f"--cluster.{name}={value}" for name, value in hasty.items()]
        self.process = Process(argv, folder / "alertmanager.log")

    def sees(self, peers: int) -> bool:
        """Does it count so many members, itself included? Those that it holds for failed are none."""
        return self._metric(r"alertmanager_cluster_members") == peers

    def sent(self) -> int:
        return self._metric(r'alertmanager_notifications_total\{integration="webhook"\}')

    def _metric(self, name: str) -> int:
        with suppress(httpx2.TransportError):
            found = re.search(rf"^{name} (\S+)$", httpx2.get(f"{self.url}/metrics", timeout=60).text, re.MULTILINE)
            return int(float(found[1])) if found else 0
        return -1

    def fire(self, episodes: Sequence[int]) -> None:
        starts = (datetime.now(UTC) - self.late).isoformat()
        alerts = [
            {
                "labels": {"alertname": "ByHand", "host": "127.0.0.99", "pid": "4242", "number": str(n)},
                "startsAt": starts,
            }
            for n in episodes
        ]
        httpx2.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=60).raise_for_status()


class Cluster:
    def __init__(self, folder: Path, webhook: str, ends: ExitStack) -> None:
        listen = [ports.free() for _ in range(PEERS)]
        self.relays = [Relay(port) for port in listen]
        for relay in self.relays:
            ends.callback(relay.close)
        self.peers = []
        for number, port in enumerate(listen):
            peer = Peer(number, folder / f"peer-{number}", port, self.relays, webhook)
            ends.enter_context(peer.process)
            self.peers.append(peer)

    def await_members(self, count: int) -> None:
        eventually(lambda: all(peer.sees(count) for peer in self.peers), f"each of them sees {count}", within=90)

    def fire(self, episodes: Sequence[int]) -> None:
        for peer in self.peers:
            peer.fire(episodes)

    def sent(self) -> int:
        return sum(peer.sent() for peer in self.peers)


@pytest.fixture
def alertprof(tmp_path: Path) -> Iterator[Alertprof]:
    (tmp_path / "known_hosts").touch()
    with Alertprof(tmp_path, {"ssh": {"known_hosts_file": str(tmp_path / "known_hosts")}}) as running:
        yield running


@pytest.fixture
def cluster(tmp_path: Path, alertprof: Alertprof) -> Iterator[Cluster]:
    with ExitStack() as ends:
        yield Cluster(tmp_path, alertprof.webhook, ends)


def numbers(alertprof: Alertprof) -> Counter[int]:
    """How many captures each episode has."""
    captures = alertprof.captures(limit="500")
    return Counter(int(capture["trigger"]["labels"]["number"]) for capture in captures)


def states(alertprof: Alertprof) -> set[str]:
    return {capture["state"] for capture in alertprof.captures(limit="500")}


def test_a_partitioned_cluster_of_three_makes_one_capture_an_episode(alertprof: Alertprof, cluster: Cluster) -> None:
    first, second = EPISODES // 4, EPISODES * 3 // 4
    cluster.await_members(3)
    cluster.fire(range(first))
    eventually(lambda: len(numbers(alertprof)) == first, "those before the cut are there")
    for relay in cluster.relays:
        relay.cut()
    cluster.await_members(1)
    before = cluster.sent()
    cluster.fire(range(first, second))
    everybody = before + PEERS * (second - first)
    eventually(lambda: cluster.sent() >= everybody, "each of the three has sent each of them", within=90)
    for relay in cluster.relays:
        relay.restore()
    cluster.await_members(3)
    cluster.fire(range(second, EPISODES))
    healed = cluster.sent() + EPISODES
    eventually(lambda: cluster.sent() >= healed, "all have been repeated after it was healed", within=90)
    one_each = Counter(range(EPISODES))  # what is counted as sent may still be under way
    eventually(lambda: numbers(alertprof) == one_each, "each has one capture")
    eventually(lambda: states(alertprof) == {"failed"}, "refused, but all have ended")
    assert numbers(alertprof) == one_each

"""From Alertmanager's POST to the run of the handler: alertprof whole, on a connection that is open, against a handler
that spawns ssh. The alert is on disk before the signal here, and nowhere there.
"""

import http.client
import json
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import httpx2

from tests.bench import openssh, stamped
from tests.bench.bell import Bell, Bells, Ear
from tests.bench.report import table
from tests.bench.rounds import Goal, Group, Unmeasured, rounds
from tests.bench.spawning import Spawning
from tests.integration.scene import Scene, alert, message
from tests.lab.process import Process, eventually

OURS, TWIN, TIMED = (
    "alertprof, toggling process",
    "alertprof, toggling process (again)",
    "alertprof, self-stopping process",
)
PORT, FIRST = "alertprof, process found by its port", "alertprof, process never seen before"
SPAWN, SPAWN_TUNED = "a handler that spawns ssh", "a handler that spawns tuned ssh"
CONFIG = {
    "rules": [{"name": "hot", "matchers": ["alertname=HighCPU"], "duration": "60s", "cooldown": "0s"}],
    "limits": {"per_host": 64, "per_service": 64, "per_hour": 10_000},  # several processes of one host at once
}
WORN_IN = 300  # messages, after which SQLite writes its log over and over instead of making it longer
QUIET = 0.25  # seconds after a signal: the goroutine dump has been asked for, and the next look is far


class Poster:
    """Alertmanager: a connection that stands already, headers and body in one write."""

    def __init__(self, port: int) -> None:
        self._port = port

    def connect(self) -> None:
        """Anew for each alert: a server closes what was idle for some seconds."""
        self._peer = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, body: bytes) -> bytes:
        words = "POST /webhook HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        self._peer.sendall(f"{words}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = http.client.HTTPResponse(self._peer)
        answer.begin()
        said = answer.read()
        self._peer.close()
        if answer.status != 202:
            raise Unmeasured(f"the webhook answers {answer.status}: {said[:300]!r}")
        return said


class Field:
    """A Scene, processes that are profiled in turn, and what has begun in this round."""

    def __init__(self, folder: Path, within: ExitStack) -> None:
        self.scene = within.enter_context(Scene(folder, config=CONFIG, run=Process))
        self.bells = Bells(folder / "bells")
        self.known = {name: self._turns(kind, within) for name, kind in KNOWN.items()}
        self.ear, self.poster = Ear(), Poster(self.scene.service.port)
        self._begun: list[tuple[str, Bell]] = []
        self._alerts = 0

    def wear_in(self) -> None:
        """The service as it is after some days, not in its first minute."""
        for number in range(WORN_IN):
            self.poster.connect()
            self.poster.post(json.dumps(message([{**alert(f"{number:08x}"), "labels": {"a": "b"}}])).encode())

    def _turns(self, kind: str, within: ExitStack) -> Iterator[Bell]:
        """Two of them in turn: who was signalled within two seconds is made to wait."""
        return cycle([within.enter_context(self.bells.fresh(kind)) for _ in range(2)])

    def alerted(self, bell: Bell, *, by_port: bool = False) -> tuple[int, int]:
        """A new alert about this process: when it was posted and when the handler ran, in ns."""
        self._alerts += 1
        where: Mapping[str, Any] = {"instance": bell.service.instance} if by_port else {"pid": bell.pid}
        new = alert(f"{self._alerts:016x}", host="127.0.0.1", job="orders", **where)
        body, said = json.dumps(message([new])).encode(), list[bytes]()
        self.poster.connect()
        moments = self.ear.moments(bell, lambda: said.append(self.poster.post(body)))
        self._begun.append((json.loads(said[0])["captures"][0], bell))
        time.sleep(QUIET)
        return moments

    def end(self) -> None:
        """Every recording of this round, so that the next one finds all processes idle and nothing under way."""
        for capture, _ in self._begun:
            self.scene.service.wait_capture(capture, {"recording", "failed"})
            httpx2.post(f"{self.scene.service.url}/captures/{capture}/stop")
        for capture, bell in self._begun:
            ended = self.scene.service.wait_capture(capture, timeout=120)
            if ended["state"] != "completed":
                raise Unmeasured(f"a capture ended as {ended['state']}: {ended['reason']}")
            eventually(lambda bell=bell: not bell.service.recording(), "no recording any more")  # type: ignore[misc]
        self._begun.clear()


KNOWN = {OURS: "toggle", TWIN: "toggle", TIMED: "timed", PORT: "toggle"}


def measure(folder: Path, *, quick: bool) -> Group:
    with ExitStack() as within:
        field = Field(folder / "plain", within)
        field.wear_in()
        bell = within.enter_context(field.bells.fresh("toggle"))
        sshd = field.scene.sshd
        plain = within.enter_context(Spawning(openssh.client(sshd)))
        tuned = within.enter_context(Spawning(openssh.client(sshd, *openssh.TUNED)))
        posters = {SPAWN: Poster(plain.port), SPAWN_TUNED: Poster(tuned.port)}
        body = json.dumps(message([alert(pid=bell.pid)])).encode()
        spawn = {name: spawned(field.ear, bell, poster, body) for name, poster in posters.items()}
        ours = {name: alerting(field, name) for name in KNOWN}
        fresh = {FIRST: lambda: milliseconds(field.alerted(within.enter_context(field.bells.fresh("timed"))))}
        series = rounds({**ours, **fresh, **spawn}, 5 if quick else 25, field.end, unkept=2)
    goals = (Goal(OURS, SPAWN, 0.02), Goal(TIMED, SPAWN, 0.02), Goal(PORT, SPAWN, 0.02), Goal(FIRST, SPAWN, 0.02))
    where = whereabouts(folder / "stamped", 3 if quick else 10)
    title = "From the POST of an alert until the handler ran, the connection open"
    return Group(title, "ms", series, SPAWN, goals, OURS, TWIN, (where,))


def alerting(field: Field, name: str) -> Callable[[], float]:
    return lambda: milliseconds(field.alerted(next(field.known[name]), by_port=name == PORT))


def spawned(ear: Ear, bell: Bell, poster: Poster, body: bytes) -> Callable[[], float]:
    def value() -> float:
        poster.connect()
        return ear.milliseconds(bell, lambda: poster.post(body))

    return value


def milliseconds(moments: tuple[int, int]) -> float:
    return (moments[1] - moments[0]) / 1e6


# ---------------------------------------------------------------------- where the time goes

POINTS = {
    "received": "the message arrives, is read and validated",
    "committed": "its row is on disk (group commit, synchronous=FULL)",
    "claimed": "the worker wakes and claims it",
    "found": "the resolver asks the gate",
    "looked": "the gate looks at the process",
    "resolved": "judged, cooldown looked up",
    "asked": "the resolved capture is on disk",
    "handler": "`start`: lock, journal, dead-man's switch, check, kill, handler",
}


def whereabouts(folder: Path, count: int) -> str:
    folder.mkdir()
    os.environ[stamped.STAMPS] = str(folder / "stamps")
    with ExitStack() as within:
        field = Field(folder / "scene", within)
        process = field.scene.service.process
        process.argv[2] = "tests.bench.stamped"
        field.scene.service.restart()
        field.poster = Poster(field.scene.service.port)
        field.wear_in()
        ways = [one_way(field) for _ in range(count + 2)][2:]
    medians = {point: statistics.median(way[point] for way in ways) for point in POINTS}
    rows = [(POINTS[point], f"{took:.2f}") for point, took in medians.items()]
    whole = statistics.median(sum(way.values()) for way in ways)
    head = ("until", "ms since the line above")
    said = f"Where the time goes (toggling process, known; medians of {count}, stamps in the service):"
    return f"{said}\n\n{table(head, [*rows, ('in all', f'{whole:.2f}')])}"


def one_way(field: Field) -> dict[str, float]:
    """Milliseconds between each point and the one before, from the POST on."""
    posted, heard = field.alerted(next(field.known[OURS]))
    first = dict(reversed(stamped.passed(since=posted)))
    field.end()
    moments = [posted, *(first[point] for point in POINTS if point != "handler"), heard]
    return dict(zip(POINTS, (milliseconds(pair) for pair in pairwise(moments)), strict=True))

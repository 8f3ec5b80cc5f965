"""One host in memory on which every profiler works: a process for each capture, a recording for each token.

It answers as app.gate.client.Gate and app.gate.pool.HostPool do. Nothing goes wrong on it; story_host.py is for that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from app.gate.answers import Answer, Mode, Process, RemoteFile
from app.gate.client import Write
from app.gate.facts import Layout, Seen
from app.gate.recipes import Recipe
from app.intake.rules import Rule
from app.model import Capture, ProcessId, Trigger
from app.profilers.base import ProfilerSpec
from app.profilers.command import Command
from app.profilers.go_zero import GoZero
from app.profilers.http_pprof import HttpPprof
from app.profilers.places import Place
from app.profilers.signal import Signal
from tests.unit.ledger.builders import NOON
from tests.unit.profilers.test_http_pprof import LAYOUT, FakePool, go, process

SPECS: dict[str, ProfilerSpec] = {
    "toggle": GoZero(),
    "timed": GoZero(),
    "signal": Signal("SIGUSR1", ("{tmp}/*.prof",), "SIGUSR2", "orders", "main.(*p).run", "duration", "pprof", "heap"),
    "command": Command(("prof", "{pid}", "{output}"), "py", "orders", "folded", "cpu", "target", timedelta(seconds=7)),
    "http": HttpPprof(ports=(6060,), trace=True),
}
KINDS = tuple(SPECS)
MODES = {"toggle": Mode.TOGGLE, "timed": Mode.TIMED}
REMOTE = {
    "toggle": ("cpu", "mem", "mutex", "block", "threadcreate", "trace", "goroutines"),
    "timed": ("cpu", "mem", "mutex", "block", "threadcreate", "trace", "goroutines"),
    "signal": ("file1",),
    "command": ("output",),
}
RULES = [Rule(name=kind, matchers=(), spec=spec) for kind, spec in SPECS.items()]


def kind_of(pid: int) -> str:
    """The key of SPECS by which a process is profiled; its number tells."""
    return KINDS[pid // 100 - 1]


class Stage(FakePool):
    """The host and the pool that leads to it. started: tokens that began a recording here; dropped: tokens whose files
    were removed; around_after: of each sampling that began; looks: how often a recording was looked at."""

    crowded = False

    def __init__(self) -> None:
        super().__init__({Place("127.0.0.1", 6060): go})
        self.recordings: dict[str, tuple[str, str]] = {}  # token -> the status, and the key of SPECS
        self.started: list[str] = []
        self.dropped: list[str] = []
        self.around_after: list[int] = []
        self.looks = 0

    def permit(self, host: str) -> None:
        pass

    @contextmanager
    def files(self, host: str) -> Iterator["Stage"]:
        yield self

    def look(self, pid: int) -> Process:
        mode = MODES.get(kind_of(pid), Mode.NONE)
        return replace(process(), id=ProcessId("boot", pid, 100, "1:1"), mode=mode, listens=True, build=f"go:{pid}")

    def look_at_scene(self, pid: int) -> tuple[Process, tuple[str, ...]]:
        return self.look(pid), ()

    def around(self, process: ProcessId) -> tuple[str, ...]:
        return ()

    def sample(self, process: ProcessId, seconds: int, token: str, around_after: int = 0) -> str:
        self.around_after.append(around_after)
        return "started"

    def samples(self, token: str) -> tuple[str, ...]:
        return ()

    def unsample(self, token: str) -> None:
        pass

    def process(self, pid: int) -> tuple[Seen, ...]:
        return (Seen(self.look(pid).id, "orders", "/srv/orders"),)

    def listeners(self, port: int) -> tuple[Seen, ...]:
        return ()

    def layout(self, pid: int) -> Layout:
        return LAYOUT

    def hides(self) -> bool:
        return False

    def start(self, process: ProcessId, mode: Mode, seconds: int, token: str, fence: int) -> Answer:
        return self._begin(process, token)

    def run(self, process: ProcessId, recipe: Recipe, seconds: int, token: str, fence: int) -> Answer:
        return self._begin(process, token)

    def signal(self, process: ProcessId, recipe: Recipe, seconds: int, token: str, fence: int) -> Answer:
        return self._begin(process, token)

    def _begin(self, process: ProcessId, token: str) -> Answer:
        self.started.append(token)
        self.recordings[token] = ("open", kind_of(process.pid))
        return Answer("started")

    def fence(self, process: ProcessId, token: str, fence: int) -> Answer:
        return Answer("ok")

    def dump(self, token: str) -> Answer:
        return Answer("ok")

    def status(self, token: str) -> Answer:
        self.looks += 1
        if token not in self.recordings:
            return Answer("unknown")
        status, kind = self.recordings[token]
        return Answer(status, tuple(RemoteFile(name, "2026112312", 12) for name in REMOTE[kind]), exit=0)

    def stop(self, token: str) -> Answer:
        _, kind = self.recordings[token]
        self.recordings[token] = ("finished", kind)
        return self.status(token)

    def fetch(self, token: str, files: Mapping[str, Write], limit: int, timeout: float) -> list[Answer]:
        for write in files.values():
            write(b"main;hot 10\n")
        return [Answer("ok", (RemoteFile(kind, "", 12),)) for kind in files]

    def drop(self, token: str) -> Answer:
        self.dropped.append(token)
        return Answer("ok")


def alert(number: int, pid: int) -> Capture:
    """An alert's capture about a process, as the intake makes it."""
    labels = {"alertname": "HighCPU", "host": "h", "pid": str(pid), "service": f"s{pid}"}
    return Capture(
        id=f"01a20fd5-9796-7442-8918-{number:012d}",
        created_at=NOON,
        trigger=Trigger("alert", labels, fingerprint=f"f{number}", starts_at=NOON),
        due_at=NOON,
        rule=kind_of(pid),
        duration=timedelta(seconds=20),
    )

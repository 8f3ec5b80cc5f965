"""A stand-in for a target: one host in memory, for the property-based test of a capture's story.

It answers the gate's verbs at the level of app.gate.client.Gate and as the gate does: a journal by token, a dead-man's
stop, processes of both semantics. It notes in `harm` whatever must never happen, where it would happen.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.errors import Code, Refused, Retryable
from app.gate.answers import Answer, Mode, Process, RemoteFile
from app.gate.client import Write
from app.gate.facts import Harm, Layout, Ports, Seen
from app.model import ProcessId
from tests.unit.evidence.test_verdict import lines
from tests.unit.ledger.builders import NOON

SIX = ("cpu", "mem", "mutex", "block", "threadcreate", "trace")
HAND = "by hand"
MODES = {7: Mode.TOGGLE, 8: Mode.TIMED}
OWN_MINUTE = timedelta(seconds=60)


@dataclass
class Running:
    """A process of the model. `owner`: the token whose signal began the recording that is on, HAND, or None."""

    pid: int
    start: int
    mode: Mode
    owner: str | None = None
    since: datetime = NOON
    begun: dict[str, int] = field(default_factory=dict)  # by whom -> recordings
    build: str = "go:orders"
    dies_at: int = 0  # the signal of ours that ends it, counted from 1
    becomes: bool = False  # it runs another program then
    signals: int = 0  # of ours
    image: str = "1:1"


@dataclass
class Journal:
    process: ProcessId
    dog_at: datetime | None
    sent: bool = False
    stopped: bool = False
    closed: bool = False
    fired: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    ended: Harm | None = None


class Host:
    """One host in memory. `now` is its own clock; `disturb` is what becomes of the next verb."""

    def __init__(self) -> None:
        self.now, self.boots, self.starts = NOON, 1, 100
        self.processes = {pid: Running(pid, 100, mode) for pid, mode in MODES.items()}
        self.journals: dict[str, Journal] = {}
        self.fences: dict[str, int] = {}
        self.sampled: dict[str, ProcessId] = {}  # by token, until they are removed
        self.ever_sampled: dict[str, ProcessId] = {}  # since the host was restarted
        self.shut: Retryable | Refused | None = None
        self.disturb: tuple[str, str, BaseException] | None = None  # verb, before | amid | after, what is raised
        self.harm: list[str] = []
        self.may_start: Callable[[str, ProcessId], bool] = lambda token, process: True
        self.is_blocked: Callable[[str], bool] = lambda build: False

    @property
    def boot(self) -> str:
        return f"boot{self.boots}"

    def id_of(self, running: Running) -> ProcessId:
        return ProcessId(self.boot, running.pid, running.start, running.image)

    def pass_time(self, to: datetime) -> None:
        """What the host does by itself up to then, in order: go-zero's own end, the dead-man's switch."""
        self.now = max(self.now, to)
        for running in self.processes.values():
            if running.mode is Mode.TIMED and running.owner and self.now >= running.since + OWN_MINUTE:
                self.end(running)
        for token, journal in self.journals.items():
            if journal.dog_at and self.now >= journal.dog_at and not journal.closed:
                journal.dog_at = None
                if (bound := self.pinned(journal.process)) and bound.owner == token:
                    journal.fired = True
                    self.usr2(bound, token)

    def pinned(self, process: ProcessId) -> Running | None:
        running = self.processes.get(process.pid)
        return running if running and self.id_of(running) == process else None

    def pass_fence(self, token: str, fence: int) -> bool:
        """Has no later claim of the token been here?"""
        self.fences[token] = max(fence, self.fences.get(token, 0))
        return fence == self.fences[token]

    def usr2(self, running: Running, by: str) -> None:
        """The signal arrives. What must never happen is noted here, where it would happen."""
        running.signals += by != HAND
        if by != HAND and running.signals == running.dies_at:
            self.die(running, by)
            return
        if running.owner is None:
            running.owner, running.since = by, self.now
            running.begun[by] = running.begun.get(by, 0) + 1
            if by != HAND:
                self.journals[by].files = dict.fromkeys(SIX, b"")
                if running.begun[by] > 1:
                    self.harm.append(f"{by} began a second recording")
        elif running.mode is Mode.TIMED:
            if by != HAND:
                self.harm.append(f"{by} signalled a self-stopping process that records")
        else:
            if by not in (HAND, running.owner):
                self.harm.append(f"{by} toggled off the recording of {running.owner}")
            self.end(running)

    def die(self, running: Running, by: str) -> None:
        """The signal ends it or, as it does with some, has it run its program anew. What it had written is there."""
        self.journals[by].ended = Harm("SIGUSR2", 0.42, running.becomes)
        self.end(running)
        if running.becomes:
            running.image = "2:2"
        else:
            del self.processes[running.pid]

    def end(self, running: Running) -> None:
        if running.owner in self.journals:
            files = self.journals[str(running.owner)].files
            files.update({kind: f"{kind} of {running.owner}".encode() for kind in files})
        running.owner = None

    def begin_anew(self, pid: int) -> None:
        """The process dies and another gets its number."""
        self.starts += 1
        self.processes[pid] = Running(pid, self.starts, MODES[pid], build=f"go:orders-{self.starts}")

    def reboot(self) -> None:
        """The journals are on a tmpfs, and so are the files."""
        self.boots += 1
        for noted in (self.journals, self.fences, self.sampled, self.ever_sampled):
            noted.clear()
        for pid in MODES:
            self.begin_anew(pid)


class Verbs:
    """Answers as app.gate.client.Gate does."""

    def __init__(self, host: Host) -> None:
        self.host, self.boot, self._world = "h", host.boot, host

    @contextmanager
    def _verb(self, name: str) -> Iterator[Callable[[], None]]:
        """Yields what is to be called between the journal and the signal. A gate of an earlier boot is lost."""
        world = self._world
        when, fault = "", BaseException()
        if world.disturb and world.disturb[0] == name:
            (_, when, fault), world.disturb = world.disturb, None
        if self.boot != world.boot:
            raise Retryable(Code.HOST_UNREACHABLE, "h: the gate was lost")
        if when == "before":
            raise fault

        def amid() -> None:
            if when == "amid":
                raise fault

        yield amid
        if when in ("amid", "after"):
            raise fault

    def process(self, pid: int) -> tuple[Seen, ...]:
        seen = self.look(pid)
        return (Seen(seen.id, "orders", "/srv/orders"),) if seen else ()

    def look(self, pid: int) -> Process | None:
        with self._verb("look"):
            running = self._world.processes.get(pid)
            return _seen(self._world.id_of(running), running) if running else None

    def look_at_scene(self, pid: int) -> tuple[Process | None, tuple[str, ...]]:
        return self.look(pid), ()

    def around(self, process: ProcessId) -> tuple[str, ...]:
        return ()

    def sample(self, process: ProcessId, seconds: int, token: str, around_after: int = 0) -> str:
        with self._verb("sample"):
            if token in self._world.sampled:
                return "replayed"
            if self._world.pinned(process) is None:
                return "gone"
            self._world.sampled[token] = self._world.ever_sampled[token] = process
            return "started"

    def samples(self, token: str) -> tuple[str, ...]:
        """Those of a process have its start time for a number of threads."""
        with self._verb("samples"):
            process = self._world.sampled.get(token)
            return tuple(line.replace(" 256 9 0 ", f" 256 {process.start} 0 ") for line in lines()) if process else ()

    def unsample(self, token: str) -> None:
        with self._verb("unsample"):
            self._world.sampled.pop(token, None)

    def layout(self, pid: int) -> Layout:
        return Layout(frozenset())

    def hides(self) -> bool:
        return False

    def ports(self, pid: int) -> Ports:
        return Ports(())

    def fence(self, process: ProcessId, token: str, fence: int) -> Answer:
        with self._verb("fence"):
            return Answer("ok" if self._world.pass_fence(token, fence) else "fenced")

    def start(self, process: ProcessId, mode: Mode, seconds: int, token: str, fence: int) -> Answer:
        with self._verb("start") as amid:
            world, running = self._world, self._world.pinned(process)
            if running is None:
                return Answer("replaced")
            if not world.pass_fence(token, fence):
                return Answer("fenced")
            if (earlier := self._earlier(running, token)) or (earlier := _hindrance(running, mode)):
                return earlier
            if not world.may_start(token, process):
                world.harm.append(f"{token} signals, and no row says so")
            if world.is_blocked(running.build):
                world.harm.append(f"{token} signals an executable that is blocked")
            dog_at = world.now + timedelta(seconds=seconds + 5) if mode is Mode.TOGGLE else None
            journal = world.journals[token] = Journal(process, dog_at)
            amid()
            world.usr2(running, token)
            journal.sent = True
            return self._answer("gone" if journal.ended else "started", token)

    def _earlier(self, running: Running, token: str) -> Answer | None:
        """The same token again: what became of it, unless it never came to the signal."""
        journal = self._world.journals.get(token)
        if journal and (journal.closed or journal.files):
            journal.closed = journal.closed or running.owner != token
            return self._answer("ended" if journal.closed else "replayed", token)
        return Answer("unconfirmed") if journal and journal.sent else None

    def dump(self, token: str) -> Answer:
        with self._verb("dump"):
            journal = self._world.journals.get(token)
            if journal is None:
                return Answer("unknown")
            if self._world.pinned(journal.process) is None:
                return Answer("gone")
            journal.files["goroutines"] = b"goroutine 1 [running]:\n"
            return Answer("ok")

    def status(self, token: str) -> Answer:
        with self._verb("status"):
            return self._state(token)

    def stop(self, token: str) -> Answer:
        with self._verb("stop") as amid:
            answer = self._state(token)
            journal = self._world.journals.get(token)
            running = self._world.pinned(journal.process) if journal else None
            if journal is None or answer.code != "open" or running is None:
                if journal:
                    journal.closed = True
                return answer
            if running.mode is Mode.TOGGLE and not journal.stopped:
                journal.stopped = True
                amid()
                self._world.usr2(running, token)
            return self._answer("gone" if journal.ended else "open", token)

    def _state(self, token: str) -> Answer:
        journal = self._world.journals.get(token)
        if journal is None:
            return Answer("unknown")
        if journal.closed:
            return self._answer("gone" if journal.ended else "finished", token)
        running = self._world.pinned(journal.process)
        if running is None:
            return self._answer("gone", token)
        if running.owner == token:
            return self._answer("open", token)
        return self._answer("finished" if journal.files else "unseen", token)

    def _answer(self, code: str, token: str) -> Answer:
        journal = self._world.journals[token]
        files = tuple(RemoteFile(kind, "2026112312", len(data)) for kind, data in journal.files.items())
        return Answer(code, files, fired=journal.fired, ended=journal.ended)

    def fetch(self, token: str, files: Mapping[str, Write], limit: int, timeout: float) -> list[Answer]:
        answers = []
        for kind, write in files.items():
            with self._verb("fetch") as amid:
                data = self._world.journals[token].files[kind]
                write(data[:3])
                amid()
                write(data[3:])
                answers.append(Answer("ok", (RemoteFile(kind, "", len(data)),)))
        return answers

    def drop(self, token: str) -> Answer:
        with self._verb("drop"):
            if token in self._world.journals:
                self._world.journals[token].files.clear()
            return Answer("ok")


def _hindrance(running: Running, mode: Mode) -> Answer | None:
    if running.mode is not mode:
        return Answer("not")
    return Answer("already") if running.owner else None


def _seen(process: ProcessId, running: Running) -> Process:
    return Process(
        id=process, comm="orders", exe="/srv/orders", cmdline=("orders",), state="S", uid=0, nspid=running.pid,
        traced=False, mode=running.mode, gozero_version="v1.6.0", go_version="go1.27", catches=True, listens=True,
        readable=True, live=("cpu",) if running.owner else (), free_bytes=1 << 40, age=60.0,
        build=running.build,
    )  # fmt: skip


class OpenPool:
    """The way to the one host; `shut` raises."""

    crowded = False

    def __init__(self, host: Host) -> None:
        self._host = host

    def permit(self, host: str) -> None:
        """Nothing is configured anew here."""

    def gate(self, host: str, pid: int = 0) -> Verbs:
        if self._host.shut:
            raise self._host.shut
        return Verbs(self._host)

    @contextmanager
    def files(self, host: str) -> Iterator[Verbs]:
        yield self.gate(host)

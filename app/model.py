"""The nouns. Frozen values, no I/O; every room speaks in these.

A `Capture` is the whole of one capture: what asked for it, which process it is about, how far it has come and when
somebody has to look at it again (`due_at`). The ledger's row is its memory; the pipeline makes the next value of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from app.errors import Code, Reason


class State(StrEnum):
    """What the outside sees."""

    PENDING = "pending"
    RECORDING = "recording"
    COLLECTING = "collecting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        return self in ENDS


ENDS = frozenset({State.COMPLETED, State.FAILED, State.SKIPPED, State.CANCELED})


class Step(StrEnum):
    """What is to be done next: the chapters of pipeline.py."""

    RESOLVE = "resolve"
    START = "start"
    WAIT = "wait"
    STOP = "stop"
    COLLECT = "collect"
    CLEAN = "clean"
    DONE = "done"


STATE_OF = {
    Step.RESOLVE: State.PENDING,
    Step.START: State.PENDING,
    Step.WAIT: State.RECORDING,
    Step.STOP: State.RECORDING,
    Step.COLLECT: State.COLLECTING,
    Step.CLEAN: State.COLLECTING,
}


class Kind(StrEnum):
    """Artifact kinds."""

    CPU = "cpu"
    HEAP = "heap"
    ALLOCS = "allocs"
    MUTEX = "mutex"
    BLOCK = "block"
    THREADCREATE = "threadcreate"
    GOROUTINE = "goroutine"
    TRACE = "trace"
    EVIDENCE = "evidence"
    LOG = "log"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of an Alertmanager message, already validated. Times are aware UTC. `fault`: why it cannot be taken; of
    such a one only a bounded part is here, and perhaps no start."""

    fingerprint: str
    firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    generator_url: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What asked for a capture: an alert (`fingerprint` is set) or a person (`by`)."""

    kind: str  # "alert" | "manual"
    labels: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: datetime | None = None
    generator_url: str = ""
    by: str = ""
    note: str = ""

    @property
    def alertname(self) -> str:
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, for good: a pid alone is reused, and exec keeps even the start time.

    boot: the host's boot_id; pid; start: clock ticks after boot (field 22 of /proc/PID/stat); image: a number that
    changes when the process executes another program (made of fields 26-28 of the same line).
    """

    boot: str
    pid: int
    start: int
    image: str

    @property
    def key(self) -> str:
        """The same for as long as the process lives, on whatever name the host is reached."""
        return f"{self.boot}:{self.pid}:{self.start}"


@dataclass(frozen=True, slots=True)
class Target:
    """The process a capture is about, as the API shows it."""

    host: str
    pid: int | None = None
    service: str = ""
    exe: str = ""
    cmdline: str = ""
    started_at: datetime | None = None
    container: str | None = None
    unit: str | None = None
    go_version: str | None = None
    gozero_version: str | None = None
    resolved_by: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in the store, whole. `name` is ours, never the target's; size in bytes; sha256 in hex."""

    name: str
    kind: Kind
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Finding:
    severity: str
    title: str
    detail: str
    kind: str = ""
    functions: tuple[str, ...] = ()
    code: str = ""  # for programs, and always the same; findings of an older version have none


@dataclass(frozen=True, slots=True)
class Harm:
    """What became of a process within seconds of a signal of ours: it ended or, `replaced`, runs another program.

    after: seconds between the two."""

    signal: str  # such as SIGUSR2
    after: float
    replaced: bool = False

    def __str__(self) -> str:
        when = f"{self.after:.{1 if self.after >= 0.1 else 2}f} s after our {self.signal}"
        return f"runs another program since {when}" if self.replaced else f"ended {when}"


@dataclass(frozen=True, slots=True)
class Blocked:
    """An executable that is not signalled any more, since a signal harmed a process of it.

    build: what it is known by, whatever it is called and wherever it runs; id: made of that, so that it is always the
    same; message: the harm in a sentence. `exe`, `pid`, `host` and `capture` are those of the first time."""

    id: str
    build: str
    exe: str
    host: str
    pid: int
    capture: str
    at: datetime
    signal: str
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a capture's timeline."""

    at: datetime
    step: str
    message: str


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture. `token` (32 hex digits, from the id) is what the target journals before a signal."""

    id: str
    created_at: datetime
    trigger: Trigger
    state: State = State.PENDING
    step: Step = Step.RESOLVE
    due_at: datetime | None = None  # None: nothing more to do
    give_up_at: datetime | None = None  # a passing fault of this step becomes final here
    attempt: int = 0  # passing faults of this step so far
    reason: Reason | None = None
    rule: str = ""
    profiler: str = "auto"
    duration: timedelta = timedelta(seconds=30)
    target: Target | None = None
    process: ProcessId | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    ended_at: datetime | None = None
    timeline: tuple[Event, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    findings: tuple[Finding, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)  # the profiler's own memory between steps
    resolved_at: datetime | None = None  # written by the intake only
    stop_requested_at: datetime | None = None  # written by the API only
    pinned: bool = False  # written by the API only: retention leaves it alone

    @property
    def token(self) -> str:
        return self.id.replace("-", "")

    def with_event(self, now: datetime, step: str, message: str) -> Self:
        return replace(self, timeline=(*self.timeline, Event(now, step, message)))

    def with_event_once(self, now: datetime, step: str, message: str) -> Self:
        """With the event, unless the timeline's last message is the same: it repeats a message only when it changes."""
        repeated = bool(self.timeline) and self.timeline[-1].message == message
        return self if repeated else self.with_event(now, step, message)

    def to(self, step: Step, *, due: datetime, give_up: datetime | None = None) -> Self:
        """The capture at the beginning of its next step."""
        return replace(self, step=step, state=STATE_OF[step], due_at=due, give_up_at=give_up, attempt=0)

    def ended(self, state: State, now: datetime, reason: Reason | None = None) -> Self:
        message = reason.message if reason else "all files are home"
        done = replace(self, state=state, step=Step.DONE, reason=reason, due_at=None, give_up_at=None, ended_at=now)
        return done.with_event(now, state.value, message)

    def skipped(self, now: datetime, code: Code, message: str) -> Self:
        return self.ended(State.SKIPPED, now, Reason(code, message))


@dataclass(frozen=True, slots=True)
class Episode:
    """What is known of an alert's fingerprint: its current capture, as far as a repeat is judged by it."""

    capture_id: str
    state: State
    reason_code: Code | None
    ended_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """The alert is a repeat: it falls on this capture."""

    capture_id: str


@dataclass(frozen=True, slots=True)
class New:
    """The alert gets a row of its own: a capture to be made, or one that was skipped and says why."""

    capture: Capture


Decision = Known | New

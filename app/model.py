"""The nouns that every package speaks in. Frozen values, no I/O.

A `Capture` is what asked for it, which process it is about, how far it has come, and when it is due again (`due_at`).
The ledger's row is its memory; the pipeline makes the next value of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from app.errors import Code, Reason
from app.finding import Finding as Finding  # noqa: PLC0414 - exported


class State(StrEnum):
    """The state that the API shows."""

    PENDING = "pending"
    RECORDING = "recording"
    COLLECTING = "collecting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        return self in (State.COMPLETED, State.FAILED, State.SKIPPED, State.CANCELED)


class Step(StrEnum):
    """What has to be done next (see captures/pipeline.py)."""

    RESOLVE = "resolve"
    START = "start"
    WAIT = "wait"
    STOP = "stop"
    COLLECT = "collect"
    CLEAN = "clean"
    DONE = "done"


STATE_OF = {
    **dict.fromkeys((Step.RESOLVE, Step.START), State.PENDING),
    **dict.fromkeys((Step.WAIT, Step.STOP), State.RECORDING),
    **dict.fromkeys((Step.COLLECT, Step.CLEAN), State.COLLECTING),
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
    GOROUTINELEAK = "goroutineleak"
    TRACE = "trace"
    EVIDENCE = "evidence"
    LOG = "log"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Alert:
    """One validated alert. Times are aware UTC. fault: why it cannot be taken; then it is cut and may have no start."""

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
    """What asked for a capture: an alert (`fingerprint` is set), or a person or a rule's schedule (`by`)."""

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
        """Of an alert; a capture on a schedule has an alert's labels, and is about none."""
        return self.labels.get("alertname", "") if self.kind == "alert" else ""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process and no other: pids are reused, and exec keeps even the start time.

    boot: the host's boot_id; start: clock ticks after boot (field 22 of /proc/PID/stat); image: a number that changes
    when the process executes another program (from fields 26-28 of the same line)."""

    boot: str
    pid: int
    start: int
    image: str

    @property
    def key(self) -> str:
        """The process key: the same as long as the process lives, under whatever name its host is reached."""
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
    """A complete file in the store. name: ours, never the target's; size: bytes; sha256: hex."""

    name: str
    kind: Kind
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """An executable that is not signalled any more, since a signal harmed a process of it.

    id: from the build, which is the executable's on every host; message: a sentence; the others: of the first harm."""

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
    """One capture. Its token (32 hex digits, from the id) is what the target journals before a signal."""

    id: str
    created_at: datetime
    trigger: Trigger
    state: State = State.PENDING
    step: Step = Step.RESOLVE
    due_at: datetime | None = None  # None: it has ended
    lane: str = ""  # the host on which one capture after the other is worked on; "": not known yet
    give_up_at: datetime | None = None  # the step's deadline: a Retryable becomes final here
    attempt: int = 0  # Retryables of this step so far
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
    notes: Mapping[str, Any] = field(default_factory=dict)  # what the steps remember
    resolved_at: datetime | None = None  # written by the intake only
    stop_requested_at: datetime | None = None  # written by the API only
    pinned: bool = False  # written by the API only: retention keeps it
    baseline: bool = False  # likewise: others of its service are compared with it
    fence: int = field(default=0, compare=False)  # of the last claim; written by the ledger only

    @property
    def token(self) -> str:
        return self.id.replace("-", "")

    def with_event(self, now: datetime, step: str, message: str) -> Self:
        return replace(self, timeline=(*self.timeline, Event(now, step, message)))

    def with_event_once(self, now: datetime, step: str, message: str) -> Self:
        """With the event, unless the timeline's last message is the same: it repeats a message only when it changes."""
        return self if self.timeline and self.timeline[-1].message == message else self.with_event(now, step, message)

    def to(self, step: Step, *, due: datetime, give_up: datetime | None = None) -> Self:
        """The capture at the beginning of its next step."""
        return replace(self, step=step, state=STATE_OF[step], due_at=due, give_up_at=give_up, attempt=0)

    def ended(self, state: State, now: datetime, reason: Reason | None = None) -> Self:
        message = reason.message if reason else "all files are home"
        return replace(
            self,
            state=state,
            step=Step.DONE,
            reason=reason,
            due_at=None,
            give_up_at=None,
            ended_at=now,
            timeline=(*self.timeline, Event(now, state.value, message)),
        )

    def skipped(self, now: datetime, code: Code, message: str) -> Self:
        return self.ended(State.SKIPPED, now, Reason(code, message))


@dataclass(frozen=True, slots=True)
class Episode:
    """The current capture of an alert's fingerprint, as far as a repeat is judged by it."""

    capture_id: str
    state: State
    reason_code: Code | None
    ended_at: datetime | None
    resolved_at: datetime | None
    starts_at: datetime | None = None  # as the alert said that began it


Decision = Episode | Capture  # an alert repeats the episode, or gets a new row: a capture to be made or a skipped one

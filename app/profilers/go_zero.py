"""go-zero's own switch: SIGUSR2, in both its meanings, and the goroutine dump of SIGUSR1.

Up to v1.6.0 the signal starts a recording and stops it; from v1.6.1 (zeromicro/go-zero#3742) it starts one that stops
itself after exactly a minute, and a late second signal begins another. Which it is the gate reads from the function
table of the running executable. The six files exist from the first second and are empty (but the trace) until the end;
only closed descriptors tell that they are whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from app.errors import Code, Refused, Retryable
from app.gate.client import Answer, Gate, Mode, Process
from app.gate.pool import HostPool
from app.model import Capture, Finding, Kind
from app.profilers.base import Fetched, Profiler, Selection, StepResult, gate_of, host_of, process_of, same_boot
from app.profilers.gates import (
    COMMON,
    LOOK_EVERY,
    SOON,
    Refusals,
    endangered,
    fetched,
    files_of,
    harm_in,
    name_of,
    no_wrapper,
    refusal,
    refusal_of,
    removed,
    room_for,
)
from app.profilers.proof import agreed, alone, unseen

MINUTE = timedelta(minutes=1)  # go-zero's profileDuration since v1.6.1
OWN_MINUTE = "this go-zero stops by itself: it records for 60 s, whatever duration is asked for"
DUMP_ATTEMPTS = 2
SELF_STOPPING = timedelta(seconds=1)  # between two looks at a recording that is about to end by itself

KINDS = {
    "cpu": Kind.CPU,
    "mem": Kind.HEAP,
    "mutex": Kind.MUTEX,
    "block": Kind.BLOCK,
    "threadcreate": Kind.THREADCREATE,
    "trace": Kind.TRACE,
    "goroutines": Kind.GOROUTINE,
}

REFUSALS: Refusals = {
    **COMMON,
    "deadly": (Refused, Code.UNSAFE_SIGNAL, "has no handler for SIGUSR2: the signal would kill it"),
    "deaf": (
        Refused,
        Code.UNSAFE_SIGNAL,
        "does not listen for SIGUSR2 any more: it is probably shutting down",
    ),
    "not": (Refused, Code.UNSAFE_SIGNAL, "does not run the program that was looked at"),
    "shared": (
        Refused,
        Code.UNSAFE_SIGNAL,
        "was not signalled: something besides go-zero asks for SIGUSR2 or SIGUSR1 in it since it was looked at",
    ),
    "unarmed": (
        Refused,
        Code.NOT_PERMITTED,
        "was left alone: the dead-man's switch could not be started there",
    ),
    "unconfirmed": (
        Refused,
        Code.PROFILE_EMPTY,
        "took SIGUSR2, but opened no profile files: is its TMPDIR there, writable and not full?",
    ),
    "pending": (Retryable, Code.UNSAFE_SIGNAL, "has not taken an earlier SIGUSR2 yet"),
}


@dataclass(frozen=True, slots=True)
class GoZero(Profiler):
    signals: ClassVar[bool] = True

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        selection, notes = Profiler.choose(self, process, host, pool), [unseen(process)]
        if process.mode is Mode.TIMED:
            selection, notes = replace(selection, length=MINUTE), [OWN_MINUTE, *notes]
        return replace(selection, why="; ".join(filter(None, notes)))

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        name, pid = name_of(process), process.id.pid
        no_wrapper(process, host, "SIGUSR2 would kill it")
        if not process.catches:
            raise refusal_of(host, pid, f"({name})", "deadly", REFUSALS)
        if not process.readable:
            raise refusal_of(host, pid, f"({name})", "unreadable", REFUSALS)
        if process.mode is Mode.NONE:
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {pid} ({name}) is no go-zero service (no core/proc in its function table): "
                "SIGUSR2 would do nothing",
            )
        agreed(process, host, name)
        alone(process, host, name)
        room_for(process, host, "since a trace grows fast")
        if not process.listens:
            raise refusal_of(host, pid, f"({name})", "deaf", REFUSALS)
        return f"go-zero-{process.mode.value}"

    def start(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        process, mode, gate = process_of(capture), mode_of(capture), gate_of(capture, pool)
        answer = gate.start(process, mode, round(length(capture).total_seconds()), capture.token)
        if harm := harm_in(gate, capture, answer):
            return StepResult("SIGUSR2 sent", harm=harm)
        if answer.code not in ("started", "replayed", "ended"):
            raise refusal(capture, answer.code, REFUSALS)
        message = f"SIGUSR2 sent, recording began ({self._dump(gate, capture)})"
        return StepResult(message, min(length(capture), LOOK_EVERY))

    def watch(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        answer = gate_of(capture, pool).status(capture.token)
        if answer.ended or answer.code in ("finished", "gone", "replaced"):
            return StepResult(harm=answer.ended)
        if answer.code not in ("open", "unseen"):
            raise refusal(capture, answer.code, REFUSALS)
        if (danger := endangered(answer, "trace")) and mode_of(capture) is Mode.TOGGLE:
            return StepResult(f"stopped early: {danger}")
        left = (capture.started_at or now) + length(capture) - now
        return StepResult(again=min(left, LOOK_EVERY)) if left > timedelta(0) else StepResult()

    def asked_to_stop(self, capture: Capture) -> str:
        if mode_of(capture) is Mode.TOGGLE or capture.started_at is None:
            return "asked to stop early"
        end = (capture.started_at + MINUTE).strftime("%H:%M:%S")
        return (
            "asked to stop early, which this go-zero does not offer: a recording of it ends by itself after a minute, "
            f"at {end} UTC, and what it has recorded then comes home"
        )

    def stop(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        answer = gate_of(capture, pool).stop(capture.token)
        if answer.left:
            return left_recording(capture)
        if answer.code in ("open", "deaf", "busy"):  # deaf: it shuts down, its end will be the recording's
            return StepResult(again=SOON if mode_of(capture) is Mode.TOGGLE else SELF_STOPPING)
        if answer.ended or answer.code in ("gone", "replaced"):
            return StepResult("the process ended while it was recording", notes={"lost": True}, harm=answer.ended)
        if answer.code not in ("finished", "foreign"):
            raise refusal(capture, answer.code, REFUSALS)
        return StepResult(ending(capture, answer), findings=surprises(capture, answer))

    def collect(
        self,
        capture: Capture,
        pool: HostPool,
        folder: Path,
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> StepResult:
        host, have = host_of(capture), {artifact.kind for artifact in capture.artifacts}
        with pool.files(host) as gate:
            same_boot(gate, process_of(capture))
            wanted = [file for file in files_of(gate, capture) if KINDS[file.kind] not in have]
            for file in wanted:
                keep(fetched(gate, capture, file.kind, folder, kind=KINDS[file.kind]))
        return StepResult(f"{len(wanted)} files brought home")

    def clean(self, capture: Capture, pool: HostPool) -> StepResult:
        return removed(gate_of(capture, pool), capture)

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        return tuple(kind for kind in KINDS.values() if kind not in have)

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        words = f"{process.id.pid} {process.id.start} {process.id.image} {process.mode.value}"
        seconds = round((capture.duration if process.mode is Mode.TOGGLE else MINUTE).total_seconds())
        stop = (
            ("stop TOKEN: SIGUSR2 again, unless the dead-man's switch was quicker",)
            if process.mode is Mode.TOGGLE
            else ()
        )
        return (
            f"start {words} {seconds} TOKEN: SIGUSR2 to pid {process.id.pid}",
            f"dump TOKEN: SIGUSR1 to pid {process.id.pid}",
            *stop,
            "fetch TOKEN KIND for each of the seven files, then drop TOKEN",
        )

    def _dump(self, gate: Gate, capture: Capture) -> str:
        """The goroutines as they are now; a recording goes on without them, but not for one lost connection."""
        try:
            code = gate.dump(capture.token).code
        except Retryable as fault:
            if capture.attempt < DUMP_ATTEMPTS:
                raise  # the start is asked for again: it was replayed, not repeated, and the dump comes after it
            return fault.reason.message
        if code == "unconfirmed":
            return "SIGUSR1 sent, but no goroutine dump was found where the process writes its files"
        return "goroutine dump taken" if code == "ok" else f"no goroutine dump: {code}"


def length(capture: Capture) -> timedelta:
    """How long it records: as long as was asked, or go-zero's own minute."""
    return capture.duration if mode_of(capture) is Mode.TOGGLE else MINUTE


def mode_of(capture: Capture) -> Mode:
    return Mode(capture.profiler.removeprefix("go-zero-"))


def ending(capture: Capture, answer: Answer) -> str:
    if answer.code == "foreign":
        return "another recording runs in the process now; ours is over"
    if answer.fired:
        return "the dead-man's switch on the host had ended the recording"
    return "SIGUSR2 sent, recording ended" if mode_of(capture) is Mode.TOGGLE else "the recording ended by itself"


def surprises(capture: Capture, answer: Answer) -> tuple[Finding, ...]:
    """A recording that had to be ended although it was taken for one that ends by itself."""
    if not answer.fired or mode_of(capture) is Mode.TOGGLE:
        return ()
    detail = (
        f"{who(capture)} was taken for a go-zero whose recordings end by themselves after a minute. This one did not: "
        "the dead-man's switch on the host ended it with one more SIGUSR2. Does it change what the signal does?"
    )
    return (Finding("warning", "the recording did not end by itself", detail, code="ended_by_switch"),)


def left_recording(capture: Capture) -> StepResult:
    """Nothing that is known to be harmless ends this recording: a person has to."""
    said = (
        f"{who(capture)} still records: its recording had to end by itself and did not, and one more SIGUSR2 did not "
        "end it or was not safe to send. It is left alone; restart the service when you can, its files grow"
    )
    finding = Finding("critical", "it is still recording", said, code="left_recording")
    return StepResult(said, notes={"left": said}, findings=(finding,))


def who(capture: Capture) -> str:
    return f"{host_of(capture)}: pid {process_of(capture).pid}"

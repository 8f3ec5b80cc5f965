"""go-zero's own switch: SIGUSR2 in both its meanings, and the goroutine dump at SIGUSR1.

Up to v1.6.0, SIGUSR2 starts a recording and stops it. From v1.6.1 (zeromicro/go-zero#3742) it starts one that stops by
itself after exactly a minute, and a late second signal starts another. The gate reads from the function table of the
running executable which of the two it is. The six files exist from the first second and are empty (except the trace)
until the end; only closed descriptors show that they are complete.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from app.errors import Code, Refused, Retryable
from app.gate.answers import Answer, Mode, Process
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.model import Capture, Finding, Kind
from app.profilers.base import SWITCH_FIRED, Fetched, Incoming, Profiler, Recording, Selection, StepResult
from app.profilers.checks import danger_in, name_of, refuse_full_disk, refuse_shell
from app.profilers.gate_profiler import LOOK_EVERY, SOON, GateProfiler
from app.profilers.proof import refuse_conflict, refuse_shared, unseen
from app.profilers.refusals import COMMON, Refusals, refusal_of, refused, retryable
from app.profilers.remote_files import fetch_file, fetch_files, files_of, status_of

MINUTE = timedelta(minutes=1)  # go-zero's profileDuration since v1.6.1
OWN_MINUTE = "this go-zero stops by itself: it records for 60 s, whatever duration is asked for"
DUMP_ATTEMPTS = 2
SELF_STOPPING = timedelta(seconds=1)  # between two looks at a recording that is about to end by itself

DUMP = "goroutines"  # the gate's name of it
KINDS = {
    "cpu": Kind.CPU,
    "mem": Kind.HEAP,
    "mutex": Kind.MUTEX,
    "block": Kind.BLOCK,
    "threadcreate": Kind.THREADCREATE,
    "trace": Kind.TRACE,
    DUMP: Kind.GOROUTINE,
}

UNSAFE = {
    "deadly": "has no handler for SIGUSR2: the signal would kill it",
    "deaf": "does not listen for SIGUSR2 any more: it is probably shutting down",
    "not": "does not run the program that was looked at",
    "shared": "was not signalled: something besides go-zero asks for SIGUSR2 or SIGUSR1 in it since it was looked at",
}
NO_FILES = "took SIGUSR2, but opened no profile files: is its TMPDIR there, writable and not full?"


@dataclass(frozen=True, slots=True)
class GoZero(GateProfiler):
    """Profiles a go-zero service by its own signals. It has no options."""

    signals: ClassVar[bool] = True
    dumps: ClassVar[bool] = True
    running: ClassVar[frozenset[str]] = frozenset({"open", "unseen"})
    ending: ClassVar[frozenset[str]] = frozenset({"open", "busy", "deaf"})  # deaf: it shuts down
    ended: ClassVar[frozenset[str]] = frozenset({"finished", "foreign"})
    lost: ClassVar[str] = "the process ended while it was recording"
    refusals: ClassVar[Refusals] = {
        **COMMON,
        **refused(Code.UNSAFE_SIGNAL, UNSAFE),
        **refused(Code.PROFILE_EMPTY, {"unconfirmed": NO_FILES}),
        **retryable(Code.UNSAFE_SIGNAL, {"pending": "has not taken an earlier SIGUSR2 yet"}),
    }

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        selection = Profiler.choose(self, process, host, pool)
        reasons = [unseen(process)]
        if process.mode is Mode.TIMED:
            selection = replace(selection, length=MINUTE)
            reasons = [OWN_MINUTE, *reasons]
        return replace(selection, why="; ".join(filter(None, reasons)))

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        refuse_shell(process, host, "SIGUSR2 would kill it")
        if not process.catches:
            raise refusal_of(process, host, "deadly", self.refusals)
        if not process.readable:
            raise refusal_of(process, host, "unreadable", self.refusals)
        if process.mode is Mode.NONE:
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({name_of(process)}) is no go-zero service (no core/proc in its "
                "function table): SIGUSR2 would do nothing",
            )
        refuse_conflict(process, host)
        refuse_shared(process, host)
        refuse_full_disk(process, host, "since a trace grows fast")
        if not process.listens:
            raise refusal_of(process, host, "deaf", self.refusals)
        return f"go-zero-{process.mode.value}"

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        return tuple(kind for kind in KINDS.values() if kind not in have)

    def stop_message(self, capture: Capture) -> str:
        if mode_of(capture) is Mode.TOGGLE or capture.started_at is None:
            return Profiler.stop_message(self, capture)
        end = (capture.started_at + MINUTE).strftime("%H:%M:%S")
        return (
            "asked to stop early, which this go-zero does not offer: a recording of it ends by itself after a minute, "
            f"at {end} UTC, and what it has recorded then comes home"
        )

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        toggled = process.mode is Mode.TOGGLE
        words = f"{process.id.pid} {process.id.start} {process.id.image} {process.mode.value}"
        seconds = round((capture.duration if toggled else MINUTE).total_seconds())
        stop = "stop TOKEN: SIGUSR2 again, unless the dead-man's switch was quicker"
        return (
            f"start {words} {seconds} TOKEN: SIGUSR2 to pid {process.id.pid}",
            f"dump TOKEN: SIGUSR1 to pid {process.id.pid}",
            *([stop] if toggled else []),
            "fetch TOKEN KIND for each of the seven files, then drop TOKEN",
        )

    def _length(self, capture: Capture) -> timedelta:
        return capture.duration if mode_of(capture) is Mode.TOGGLE else MINUTE

    def _request_start(self, gate: Gate, recording: Recording) -> Answer:
        seconds = round(self._length(recording.capture).total_seconds())
        return gate.start(
            recording.process, mode_of(recording.capture), seconds, recording.token, recording.capture.fence
        )

    def _started(self, gate: Gate, recording: Recording) -> StepResult:
        message = f"SIGUSR2 sent, recording began ({self._dump(gate, recording.capture)})"
        return StepResult(message, min(self._length(recording.capture), LOOK_EVERY))

    def _dump(self, gate: Gate, capture: Capture) -> str:
        """Takes a goroutine dump and says what came of it.

        A recording goes on without the dump. But when the connection is lost the start is repeated a few times: the
        gate does not signal again, and the dump comes after it."""
        try:
            code = gate.dump(capture.token).code
        except Retryable as fault:
            if capture.attempt < DUMP_ATTEMPTS:
                raise
            return fault.reason.message
        if code == "unconfirmed":
            return "SIGUSR1 sent, but no goroutine dump was found where the process writes its files"
        return "goroutine dump taken" if code == "ok" else f"no goroutine dump: {code}"

    def dump(self, recording: Recording, incoming: Incoming) -> StepResult:
        """The dump that SIGUSR1 left, as soon as it is whole. What it sees is also the first look at the recording."""
        gate, capture = recording.gate(), recording.capture
        answer = status_of(gate, capture)
        as_it_should = answer.code in self.running and not answer.ended and not self._danger(capture, answer)
        again = self._look_again(recording).again if as_it_should else None
        if not any(file.kind == DUMP and file.size for file in answer.files):
            return StepResult(again=again)
        incoming.keep(fetch_file(gate, capture, DUMP, incoming.folder, kind=Kind.GOROUTINE))
        return StepResult("the goroutine dump is home", again)

    def _danger(self, capture: Capture, answer: Answer) -> str | None:
        return danger_in(answer, "trace") if mode_of(capture) is Mode.TOGGLE else None

    def _stop_interval(self, capture: Capture) -> timedelta:
        return SOON if mode_of(capture) is Mode.TOGGLE else SELF_STOPPING

    def _after_stop(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        if answer.left:
            return left_recording(recording)
        return GateProfiler._after_stop(self, gate, recording, answer)

    def _stopped(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        toggled = mode_of(recording.capture) is Mode.TOGGLE
        if answer.code == "foreign":
            message = "another recording runs in the process now; ours is over"
        elif answer.fired:
            message = f"{SWITCH_FIRED} the recording"
        else:
            message = "SIGUSR2 sent, recording ended" if toggled else "the recording ended by itself"
        surprising = answer.fired and not toggled
        return StepResult(message, findings=(ended_by_switch(recording),) if surprising else ())

    def _fetch(self, gate: Gate, recording: Recording, folder: Path) -> list[Fetched]:
        capture = recording.capture
        have = {artifact.kind for artifact in capture.artifacts}
        kinds = {file.kind: KINDS[file.kind] for file in files_of(gate, capture) if KINDS[file.kind] not in have}
        return fetch_files(gate, capture, kinds, folder)


def mode_of(capture: Capture) -> Mode:
    """The meaning of SIGUSR2 that the capture was started with; its profiler's name holds it."""
    return Mode(capture.profiler.removeprefix("go-zero-"))


def ended_by_switch(recording: Recording) -> Finding:
    """For a recording that was taken for one that ends by itself, and that the dead-man's switch had to end."""
    detail = (
        f"{recording.host}: pid {recording.process.pid} was taken for a go-zero whose recordings end by themselves "
        "after a minute. This one did not: the dead-man's switch on the host ended it with one more SIGUSR2. Does it "
        "change what the signal does?"
    )
    return Finding("warning", "the recording did not end by itself", detail, code="ended_by_switch")


def left_recording(recording: Recording) -> StepResult:
    """For a recording that nothing harmless is known to end: a person has to end it."""
    message = (
        f"{recording.host}: pid {recording.process.pid} still records: its recording had to end by itself and did not, "
        "and one more SIGUSR2 did not end it or was not safe to send. It is left alone; restart the service when you "
        "can, its files grow"
    )
    finding = Finding("critical", "it is still recording", message, code="left_recording")
    return StepResult(message, notes={"left": message}, findings=(finding,))

"""go-zero's own switch: SIGUSR2, in both its meanings, and the goroutine dump of SIGUSR1.

Up to v1.6.0 the signal starts a recording and stops it; from v1.6.1 (zeromicro/go-zero#3742) it starts one that stops
itself after exactly a minute, and a late second signal begins another. Which it is the gate reads from the function
table of the running executable. The six files exist from the first second and are empty (but the trace) until the end;
only closed descriptors tell that they are whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from app.errors import AlertprofError, Code, Passing, Refusal
from app.hosts.door import Door
from app.hosts.gate import Answer, Gate, Mode, Process
from app.model import Capture, Kind, ProcessId
from app.profilers.base import Fetched, Profiler, Progress

MINUTE = timedelta(minutes=1)  # go-zero's profileDuration since v1.6.1
LOOK_EVERY = timedelta(seconds=5)
SOON = timedelta(milliseconds=500)
FLOOR = 64 << 20  # bytes free on the target before we let a trace grow there
TRACE_LIMIT = 1 << 30  # bytes; past it a recording is stopped early
FILE_LIMIT = 4 << 30  # bytes
DUMP_ATTEMPTS = 2
FETCH_TIMEOUT = 600.0  # seconds for one file

KINDS = {
    "cpu": Kind.CPU,
    "mem": Kind.HEAP,
    "mutex": Kind.MUTEX,
    "block": Kind.BLOCK,
    "threadcreate": Kind.THREADCREATE,
    "trace": Kind.TRACE,
    "goroutines": Kind.GOROUTINE,
}
SHELLS = frozenset({"sh", "dash", "bash", "ash", "zsh", "ksh", "busybox"})

# What the gate's refusals mean: the code, and the sentence after "HOST: pid N ".
REFUSALS = {
    "gone": (Code.PROCESS_EXITED, "has exited"),
    "replaced": (
        Code.PROCESS_REPLACED,
        "is another process or runs another program now; the one that was meant is gone",
    ),
    "thread": (Code.PROCESS_NOT_FOUND, "is a thread, not a process: name the process"),
    "deadly": (Code.UNSAFE_SIGNAL, "has no handler for SIGUSR2: the signal would kill it"),
    "deaf": (Code.UNSAFE_SIGNAL, "does not listen for SIGUSR2 any more: it is probably shutting down"),
    "stopped": (Code.UNSAFE_SIGNAL, "is stopped (SIGSTOP or a debugger): it would take the signal at some later time"),
    "traced": (Code.UNSAFE_SIGNAL, "is being traced by a debugger"),
    "not": (Code.UNSAFE_SIGNAL, "does not run the program that was looked at"),
    "unreadable": (
        Code.NOT_PERMITTED,
        "does not let this account see its open files: log in as the service's user and group or as root, "
        "or set become: sudo",
    ),
    "denied": (
        Code.NOT_PERMITTED,
        "may not be signalled by this account: log in as the service's user or set become: sudo",
    ),
    "journal": (
        Code.NO_SPACE,
        "is on a host where the gate cannot write its journal (disk full?): no record, no signal",
    ),
    "unarmed": (Code.NOT_PERMITTED, "was left alone: the dead-man's stop could not be started there"),
    "unknown": (
        Code.COLLECT_FAILED,
        "has no record of this capture on its host any more: the journal there was removed",
    ),
    "unconfirmed": (
        Code.PROFILE_EMPTY,
        "took SIGUSR2, but opened no profile files: is its TMPDIR there, writable and not full?",
    ),
}
PASSING = {
    "already": (Code.ALREADY_PROFILING, "is being profiled already, by hand or by another program; that is left alone"),
    "busy": (Code.TIMEOUT, "is being worked on by another gate"),
    "recent": (Code.TIMEOUT, "was signalled a moment ago"),
    "pending": (Code.UNSAFE_SIGNAL, "has not taken an earlier SIGUSR2 yet"),
}


@dataclass(frozen=True, slots=True)
class GoZero(Profiler):
    def judge(self, process: Process, host: str) -> str:
        name, pid = PurePosixPath(process.exe).name or process.comm, process.id.pid
        if name in SHELLS:
            raise Refusal(
                Code.PROCESS_IS_WRAPPER,
                f"{host}: pid {pid} is a shell ({' '.join(process.cmdline)[:120]}), not the service that it wraps: "
                "SIGUSR2 would kill it. Name the service's own process",
            )
        if not process.catches:
            raise refusal_of(host, pid, f"({name})", "deadly")
        if not process.readable:
            raise refusal_of(host, pid, f"({name})", "unreadable")
        if process.mode is Mode.NONE:
            raise Refusal(
                Code.NO_PROFILER,
                f"{host}: pid {pid} ({name}) is no go-zero service (no core/proc in its function table): "
                "SIGUSR2 would do nothing, and no other profiler fits",
            )
        if process.free_bytes is not None and process.free_bytes < FLOOR:
            raise Refusal(
                Code.NO_SPACE,
                f"{host}: only {process.free_bytes >> 20} MiB are free where pid {pid} writes its profiles; "
                f"{FLOOR >> 20} MiB are wanted, since a trace grows fast",
            )
        if not process.listens:
            raise refusal_of(host, pid, f"({name})", "deaf")
        return f"go-zero-{process.mode.value}"

    def start(self, capture: Capture, door: Door, now: datetime) -> Progress:
        process, mode = process_of(capture), mode_of(capture)
        gate = same_boot(door.gate(host_of(capture)), process)
        answer = gate.start(process, mode, round(length(capture).total_seconds()), capture.token)
        if answer.code not in ("started", "replayed", "ended"):
            raise refusal(capture, answer.code)
        message = f"SIGUSR2 sent, recording began ({self._dump(gate, capture)})"
        return Progress(message, min(length(capture), LOOK_EVERY))

    def watch(self, capture: Capture, door: Door, now: datetime) -> Progress:
        answer = same_boot(door.gate(host_of(capture)), process_of(capture)).status(capture.token)
        if answer.code in ("finished", "gone", "replaced"):
            return Progress()
        if answer.code not in ("open", "unseen"):
            raise refusal(capture, answer.code)
        if (danger := endangered(answer)) and mode_of(capture) is Mode.TOGGLE:
            return Progress(f"stopped early: {danger}")
        left = (capture.started_at or now) + length(capture) - now
        return Progress(again=min(left, LOOK_EVERY)) if left > timedelta(0) else Progress()

    def stop(self, capture: Capture, door: Door, now: datetime) -> Progress:
        answer = same_boot(door.gate(host_of(capture)), process_of(capture)).stop(capture.token)
        if answer.code in ("open", "deaf", "busy"):  # deaf: it shuts down, its end will be the recording's
            return Progress(again=SOON)
        if answer.code in ("gone", "replaced"):
            return Progress("the process ended while it was recording", notes={"lost": True})
        if answer.code not in ("finished", "foreign"):
            raise refusal(capture, answer.code)
        return Progress(ending(capture, answer))

    def collect(self, capture: Capture, door: Door, folder: Path, keep: Callable[[Fetched], None]) -> Progress:
        host, have = host_of(capture), {artifact.kind for artifact in capture.artifacts}
        with door.files(host) as gate:
            same_boot(gate, process_of(capture))
            wanted = [file for file in gate.status(capture.token).files if KINDS[file.kind] not in have]
            for file in wanted:
                keep(self._fetch(gate, capture, file.kind, folder))
        return Progress(f"{len(wanted)} files brought home")

    def clean(self, capture: Capture, door: Door) -> Progress:
        same_boot(door.gate(host_of(capture)), process_of(capture)).drop(capture.token)
        return Progress("the files on the host were removed")

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        return tuple(kind for kind in KINDS.values() if kind not in have)

    def _dump(self, gate: Gate, capture: Capture) -> str:
        """The goroutines as they are now; a recording goes on without them, but not for one lost connection."""
        try:
            code = gate.dump(capture.token).code
        except Passing as fault:
            if capture.attempt < DUMP_ATTEMPTS:
                raise  # the start is asked for again: it was replayed, not repeated, and the dump comes after it
            return fault.reason.message
        return "goroutine dump taken" if code == "ok" else f"no goroutine dump: {code}"

    def _fetch(self, gate: Gate, capture: Capture, kind: str, folder: Path) -> Fetched:
        path = folder / kind
        with path.open("wb") as file:
            answer = gate.fetch(capture.token, kind, FILE_LIMIT, file.write, FETCH_TIMEOUT)
        size = answer.files[0].size or 0 if answer.files else 0
        if answer.code == "ok":
            return Fetched(KINDS[kind], path, size)
        why = {"vanished": "was removed or replaced on the host", "big": f"has {size} bytes, more than is fetched"}
        return Fetched(KINDS[kind], path, 0, why.get(answer.code, f"could not be read there ({answer.code})"))


def refusal(capture: Capture, code: str) -> AlertprofError:
    return refusal_of(host_of(capture), process_of(capture).pid, "", code)


def refusal_of(host: str, pid: int, name: str, code: str) -> AlertprofError:
    who = f"{host}: pid {pid} {name}".strip()
    if code in PASSING:
        return Passing(PASSING[code][0], f"{who} {PASSING[code][1]}")
    known, sentence = REFUSALS.get(code, (Code.COLLECT_FAILED, f"was answered with {code!r}, which is not understood"))
    return Refusal(known, f"{who} {sentence}")


def same_boot(gate: Gate, process: ProcessId) -> Gate:
    if gate.boot != process.boot:
        raise Refusal(
            Code.PROCESS_EXITED, f"{gate.host}: the host was restarted, pid {process.pid} is gone with its files"
        )
    return gate


def length(capture: Capture) -> timedelta:
    """How long it records: as long as was asked, or go-zero's own minute."""
    return capture.duration if mode_of(capture) is Mode.TOGGLE else MINUTE


def endangered(answer: Answer) -> str | None:
    """Why a recording should not go on: its trace has grown too large, or the disk has become too full."""
    trace = next((file.size or 0 for file in answer.files if file.kind == "trace"), 0)
    if trace > TRACE_LIMIT:
        return f"the trace has grown to {trace >> 20} MiB"
    if answer.free_bytes is not None and answer.free_bytes < FLOOR:
        return f"only {answer.free_bytes >> 20} MiB are left where the files grow"
    return None


def mode_of(capture: Capture) -> Mode:
    return Mode(capture.profiler.removeprefix("go-zero-"))


def ending(capture: Capture, answer: Answer) -> str:
    if answer.code == "foreign":
        return "another recording runs in the process now; ours is over"
    if answer.fired:
        return "the dead-man's stop on the host had ended the recording"
    return "SIGUSR2 sent, recording ended" if mode_of(capture) is Mode.TOGGLE else "the recording ended by itself"


def process_of(capture: Capture) -> ProcessId:
    if capture.process is None:
        raise Refusal(Code.PROCESS_NOT_FOUND, f"capture {capture.id} was started without a process")
    return capture.process


def host_of(capture: Capture) -> str:
    return capture.target.host if capture.target else ""

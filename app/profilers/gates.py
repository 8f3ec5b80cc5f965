"""What profilers that act through the gate share: what its refusals mean, who is refused, how files come home."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path, PurePosixPath

from app.errors import AlertprofError, Code, Refused, Retryable
from app.gate.client import BLIND, Answer, Gate, Process, RemoteFile
from app.gate.facts import SHELLS
from app.model import Capture, Harm, Kind
from app.profilers.base import Fetched, StepResult, host_of, process_of

LOOK_EVERY = timedelta(seconds=5)
SOON = timedelta(milliseconds=500)
FLOOR = 64 << 20  # bytes free where files grow before we let them
GROWN = 1 << 30  # bytes; past it a recording is stopped early
FILE_LIMIT = 4 << 30  # bytes
FETCH_TIMEOUT = 600.0  # seconds for one file

# Said by a host that is short of processor time, too: asked again it finds what came late, and signals nothing twice.
SLOW = frozenset({"unarmed", "unconfirmed"})
SLOW_ATTEMPTS = 3
BLINDED = frozenset({"blind", "busy"})  # the gate could see nothing, which says nothing of what is there

Refusals = Mapping[str, tuple[type[AlertprofError], Code, str]]

# What the gate's refusals mean: the code, and the sentence after "HOST: pid N ".
COMMON: Refusals = {
    "gone": (Refused, Code.PROCESS_EXITED, "has exited"),
    "replaced": (
        Refused,
        Code.PROCESS_REPLACED,
        "is another process or runs another program now; the one that was meant is gone",
    ),
    "thread": (Refused, Code.PROCESS_NOT_FOUND, "is a thread, not a process: name the process"),
    "stopped": (
        Refused,
        Code.UNSAFE_SIGNAL,
        "is stopped (SIGSTOP or a debugger): it would take the signal at some later time",
    ),
    "traced": (Refused, Code.UNSAFE_SIGNAL, "is being traced by a debugger"),
    "unreadable": (
        Refused,
        Code.NOT_PERMITTED,
        "does not let this account see its open files: log in as the service's user and group or as root, "
        "or set become: sudo",
    ),
    "denied": (
        Refused,
        Code.NOT_PERMITTED,
        "may not be signalled by this account: log in as the service's user or set become: sudo",
    ),
    "journal": (
        Refused,
        Code.NO_SPACE,
        "is on a host where the gate cannot write its journal (disk full?): no record, no signal",
    ),
    "unknown": (
        Refused,
        Code.COLLECT_FAILED,
        "has no record of this capture on its host any more: the journal there was removed",
    ),
    "recipe": (
        Refused,
        Code.NOT_PERMITTED,
        "is on a host whose gate does not know what this rule's profiler is to do: install there what "
        "`alertprof gate --config.file F` prints (where no gate is installed, restart alertprof)",
    ),
    "already": (
        Retryable,
        Code.ALREADY_PROFILING,
        "is being profiled already, by hand or by another program; that is left alone",
    ),
    "blind": (Retryable, Code.TIMEOUT, BLIND),
    "busy": (Retryable, Code.TIMEOUT, "is being worked on by another gate"),
    "recent": (Retryable, Code.TIMEOUT, "was signalled a moment ago"),
}


def refusal(capture: Capture, code: str, meanings: Refusals = COMMON) -> AlertprofError:
    """What the gate's answer means; for a while one that may pass, where it may only have come too late."""
    fault = refusal_of(host_of(capture), process_of(capture).pid, "", code, meanings)
    if code in SLOW and capture.attempt < SLOW_ATTEMPTS:
        return Retryable(fault.reason.code, fault.reason.message)
    return fault


def refusal_of(host: str, pid: int, name: str, code: str, meanings: Refusals = COMMON) -> AlertprofError:
    who = f"{host}: pid {pid} {name}".strip()
    unknown = (Refused, Code.COLLECT_FAILED, f"was answered with {code!r}, which is not understood")
    how, known, sentence = meanings.get(code, unknown)
    return how(known, f"{who} {sentence}")


def name_of(process: Process) -> str:
    return PurePosixPath(process.exe).name or process.comm


def no_wrapper(process: Process, host: str, harm: str) -> None:
    """Raises Refusal for a shell: the service is its child. `harm`: what would become of it."""
    if name_of(process) in SHELLS:
        raise Refused(
            Code.PROCESS_IS_WRAPPER,
            f"{host}: pid {process.id.pid} is a shell ({' '.join(process.cmdline)[:120]}), not the service that it "
            f"wraps: {harm}. Name the service's own process",
        )


def room_for(process: Process, host: str, why: str) -> None:
    """Raises Refusal where a process's files would find too little room."""
    if process.free_bytes is not None and process.free_bytes < FLOOR:
        raise Refused(
            Code.NO_SPACE,
            f"{host}: only {process.free_bytes >> 20} MiB are free where pid {process.id.pid} writes its profiles; "
            f"{FLOOR >> 20} MiB are wanted, {why}",
        )


def endangered(answer: Answer, remote: str = "") -> str | None:
    """Why a recording should not go on: a file (of one remote kind, or of any) is too large, or the disk is full."""
    largest = max((file.size or 0 for file in answer.files if not remote or file.kind == remote), default=0)
    if largest > GROWN:
        return f"the {remote or 'file'} has grown to {largest >> 20} MiB"
    if answer.free_bytes is not None and answer.free_bytes < FLOOR:
        return f"only {answer.free_bytes >> 20} MiB are left where the files grow"
    return None


def harm_in(gate: Gate, capture: Capture, answer: Answer) -> Harm | None:
    """What our signal did to the process. Of one that is gone before a start came to the journal, the journal tells."""
    if answer.ended is None and answer.code in ("gone", "replaced"):
        return gate.status(capture.token).ended
    return answer.ended


def removed(gate: Gate, capture: Capture) -> StepResult:
    """Of what the capture's token made on the host nothing is left; Passing where that could not be seen."""
    answer = gate.drop(capture.token)
    if answer.code in BLINDED:
        raise refusal(capture, answer.code)
    if answer.code != "ok":
        return StepResult(f"files may remain on the host ({answer.code})")
    if astray := ", ".join(file.kind for file in answer.files):
        return StepResult(f"the files on the host were removed, but {astray} could not be found there: it may remain")
    return StepResult("the files on the host were removed")


def files_of(gate: Gate, capture: Capture) -> tuple[RemoteFile, ...]:
    """The files of the capture's token; Passing where they could not be seen."""
    answer = gate.status(capture.token)
    if answer.code in BLINDED:
        raise refusal(capture, answer.code)
    return answer.files


def fetched(gate: Gate, capture: Capture, remote: str, folder: Path, *, kind: Kind, suffix: str = "") -> Fetched:
    """One file of the capture's token, brought into `folder`."""
    path = folder / remote
    with path.open("wb") as file:
        answer = gate.fetch(capture.token, remote, FILE_LIMIT, file.write, FETCH_TIMEOUT)
    size = answer.files[0].size or 0 if answer.files else 0
    if answer.code == "ok":
        return Fetched(kind, path, size, suffix=suffix)
    if answer.code in BLINDED:
        raise refusal(capture, answer.code)
    why = {"vanished": "was removed or replaced on the host", "big": f"has {size} bytes, more than is fetched"}
    return Fetched(kind, path, 0, why.get(answer.code, f"could not be read there ({answer.code})"), suffix)

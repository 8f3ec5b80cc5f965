"""Checks that several profilers make before they touch a process. Pure."""

from pathlib import PurePosixPath

from app.errors import Code, Refused
from app.gate.answers import Answer, Process
from app.gate.facts import SHELLS

LEAST_FREE = 64 << 20  # bytes that must be free where a recording's files grow
LARGEST_FILE = 1 << 30  # bytes; a recording whose file is larger is stopped early


def name_of(process: Process) -> str:
    """The file name of its executable, or its command name where the executable cannot be seen."""
    return PurePosixPath(process.exe).name or process.comm


def refuse_shell(process: Process, host: str, why: str) -> None:
    """Raises Refused for a shell: the service is its child. why: what profiling the shell would come to."""
    if name_of(process) in SHELLS:
        raise Refused(
            Code.PROCESS_IS_WRAPPER,
            f"{host}: pid {process.id.pid} is a shell ({process.command[:120]}), not the service that it "
            f"wraps: {why}. Name the service's own process",
        )


def refuse_full_disk(process: Process, host: str, why: str) -> None:
    """Raises Refused if there is too little space where the process writes its files."""
    if process.free_bytes is not None and process.free_bytes < LEAST_FREE:
        raise Refused(
            Code.NO_SPACE,
            f"{host}: only {process.free_bytes >> 20} MiB are free where pid {process.id.pid} writes its profiles; "
            f"{LEAST_FREE >> 20} MiB are wanted, {why}",
        )


def danger_in(answer: Answer, remote: str = "") -> str | None:
    """Why a recording must not go on: a file is too large or the disk is nearly full. None if it may go on.

    remote: the gate's name of the only file whose size counts; "" for all files."""
    largest = max((file.size or 0 for file in answer.files if not remote or file.kind == remote), default=0)
    if largest > LARGEST_FILE:
        return f"the {remote or 'file'} has grown to {largest >> 20} MiB"
    if answer.free_bytes is not None and answer.free_bytes < LEAST_FREE:
        return f"only {answer.free_bytes >> 20} MiB are left where the files grow"
    return None

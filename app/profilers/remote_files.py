"""The files that a capture's token made on the target: listed, fetched and removed through the gate."""

from pathlib import Path

from app.gate.answers import RemoteFile
from app.gate.client import Gate
from app.model import Capture, Kind
from app.profilers.base import Fetched, StepResult
from app.profilers.refusals import refusal

FILE_LIMIT = 4 << 30  # bytes of one file
FETCH_TIMEOUT = 600.0  # seconds for one file
NOT_SEEN = frozenset({"blind", "busy"})  # answers of a gate that could not look; a file may be there all the same


def files_of(gate: Gate, capture: Capture) -> tuple[RemoteFile, ...]:
    """The files of the capture's token. Raises Retryable if the gate could not look."""
    answer = gate.status(capture.token)
    if answer.code in NOT_SEEN:
        raise refusal(capture, answer.code)
    return answer.files


def fetch_file(gate: Gate, capture: Capture, remote: str, folder: Path, *, kind: Kind, suffix: str = "") -> Fetched:
    """One file of the capture's token, fetched into `folder`. Raises Retryable if the gate could not look.

    remote: the gate's name of the file, which becomes its name in the folder"""
    path = folder / remote
    with path.open("wb") as file:
        answer = gate.fetch(capture.token, remote, FILE_LIMIT, file.write, FETCH_TIMEOUT)
    size = answer.files[0].size or 0 if answer.files else 0
    if answer.code == "ok":
        return Fetched(kind, path, size, suffix=suffix)
    if answer.code in NOT_SEEN:
        raise refusal(capture, answer.code)
    faults = {"vanished": "was removed or replaced on the host", "big": f"has {size} bytes, more than is fetched"}
    return Fetched(kind, path, 0, faults.get(answer.code, f"could not be read there ({answer.code})"), suffix)


def remove_files(gate: Gate, capture: Capture) -> StepResult:
    """Removes everything that the capture's token made on the host. Raises Retryable if the gate could not look."""
    answer = gate.drop(capture.token)
    if answer.code in NOT_SEEN:
        raise refusal(capture, answer.code)
    if answer.code != "ok":
        return StepResult(f"files may remain on the host ({answer.code})")
    if astray := ", ".join(file.kind for file in answer.files):
        return StepResult(f"the files on the host were removed, but {astray} could not be found there: it may remain")
    return StepResult("the files on the host were removed")

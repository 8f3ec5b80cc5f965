"""The files that a capture's token made on the target: listed, fetched and removed through the gate."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from app.gate.answers import Answer, RemoteFile
from app.gate.client import Gate
from app.model import Capture, Kind
from app.profilers.base import Fetched, StepResult
from app.profilers.refusals import refusal

FILE_LIMIT = 4 << 30  # bytes of one file
FETCH_TIMEOUT = 600.0  # seconds for one file
NOT_SEEN = frozenset({"blind", "busy"})  # answers of a gate that could not look; a file may be there all the same


def status_of(gate: Gate, capture: Capture) -> Answer:
    """How the recording of the capture's token stands. Raises Retryable if the gate could not look."""
    answer = gate.status(capture.token)
    if answer.code in NOT_SEEN:
        raise refusal(capture, answer.code)
    return answer


def files_of(gate: Gate, capture: Capture) -> tuple[RemoteFile, ...]:
    """The files of the capture's token. Raises Retryable if the gate could not look."""
    return status_of(gate, capture).files


def fetch_file(gate: Gate, capture: Capture, remote: str, folder: Path, *, kind: Kind, suffix: str = "") -> Fetched:
    """One file of the capture's token, fetched into `folder`. Raises Retryable if the gate could not look.

    remote: the gate's name of the file, which becomes its name in the folder"""
    return fetch_files(gate, capture, {remote: kind}, folder, suffix=suffix)[0]


def fetch_files(
    gate: Gate, capture: Capture, kinds: Mapping[str, Kind], folder: Path, *, suffix: str = ""
) -> list[Fetched]:
    """As `fetch_file`, several files in one round trip. kinds: of each, by the gate's name of it."""
    with ExitStack() as opened:
        files = {remote: opened.enter_context((folder / remote).open("wb")) for remote in kinds}
        writers = {remote: file.write for remote, file in files.items()}
        answers = gate.fetch(capture.token, writers, FILE_LIMIT, FETCH_TIMEOUT) if writers else []
    return [
        _fetched(capture, answer, kind, folder / remote, suffix)
        for (remote, kind), answer in zip(kinds.items(), answers, strict=True)
    ]


def _fetched(capture: Capture, answer: Answer, kind: Kind, path: Path, suffix: str) -> Fetched:
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

"""The base of the profilers that send a signal and take the files that appear: signal and node_inspector."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from app.errors import Code
from app.gate.answers import Answer
from app.gate.client import Gate
from app.profilers.base import Fetched, Recording
from app.profilers.recipe_profiler import RecipeProfiler, seconds_of
from app.profilers.refusals import COMMON, Refusals, refused, retryable
from app.profilers.remote_files import fetch_file, files_of

DEAF = (
    "is a Go program and not shown to ask for the rule's signal: Go programs die of some that they did not ask for "
    "(see go_function)"
)
MANY = "has more than 2000 files where the rule looks for the new ones: name them more narrowly"
NO_STDOUT = "prints into no file (but a pipe, a terminal or the journal): what it says could not be brought home"
DEADLY = "has no handler for the rule's signal: it would kill the process"


class SignalProfiler(RecipeProfiler):
    """A profiler whose recipe is a signal.

    files: globs of what appears, see globs.py; stop_signal: the signal that ends a recording, "" if none does
    """

    signals: ClassVar[bool] = True
    ending: ClassVar[frozenset[str]] = frozenset({"open", "busy", "deaf", "pending"})  # deaf: it shuts down
    ended: ClassVar[frozenset[str]] = frozenset({"finished", "unconfirmed"})
    refusals: ClassVar[Refusals] = {
        **COMMON,
        **refused(Code.UNSAFE_SIGNAL, {"deadly": DEADLY, "deaf": DEAF}),
        **refused(Code.NO_PROFILER, {"many": MANY, "stdout": NO_STDOUT}),
        **retryable(Code.UNSAFE_SIGNAL, {"pending": "has not taken an earlier signal yet"}),
    }

    files: tuple[str, ...]
    stop_signal: str

    @abstractmethod
    def _suffix(self, n: int) -> str:
        """The suffix of the nth artifact."""

    def _request_start(self, gate: Gate, recording: Recording) -> Answer:
        return gate.signal(
            recording.process, self.recipe, seconds_of(recording), recording.token, recording.capture.fence
        )

    def _fetch(self, gate: Gate, recording: Recording, folder: Path) -> list[Fetched]:
        """All files of the token; if there are none, one Fetched that says so."""
        there = files_of(gate, recording.capture)
        if there:
            return [self._fetch_one(gate, recording, folder, n, file.kind) for n, file in enumerate(there, 1)]
        path = folder / "none"
        path.touch()
        fault = f"nothing of the process's own appeared in {', '.join(self.files)}"
        return [Fetched(self.file_kind, path, 0, fault, self._suffix(1))]

    def _fetch_one(self, gate: Gate, recording: Recording, folder: Path, n: int, remote: str) -> Fetched:
        file = fetch_file(gate, recording.capture, remote, folder, kind=self.file_kind, suffix=self._suffix(n))
        if file.fault or (self.is_text and n > 1):
            return file
        return self._read(gate, recording, file, timed=bool(self.stop_signal))

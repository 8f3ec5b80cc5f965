"""The base of the profilers whose act is the configuration's: signal and command.

Such a profiler becomes a recipe, a function of the gate's own script. The files that it leaves may be profiles, texts
that are converted to profiles, or anything else.
"""

from abc import abstractmethod
from typing import ClassVar

from app.errors import Code, Refused
from app.gate.answers import Answer, Process
from app.gate.recipes import Recipe
from app.intake.re2 import compiled
from app.model import Capture, Kind
from app.plugins import kind_of
from app.profilers.base import Recording
from app.profilers.checks import danger_in
from app.profilers.gate_profiler import GateProfiler

TEXTS = ("folded", "perf-script")  # formats that are converted to a CPU profile


class RecipeProfiler(GateProfiler):
    """A profiler that the configuration describes. Its subclasses have these options:

    exe: only for processes with this in the path of their executable (RE2); "" for all
    format: the format of the files: folded, perf-script, pprof or other
    artifact: the kind of the artifacts; "" for what the format implies
    """

    exe: str
    format: str
    artifact: str

    lost: ClassVar[str] = "the process ended before its files were complete"

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """The function for the gate's script."""

    def recipes(self) -> tuple[Recipe, ...]:
        return (self.recipe,)

    @property
    def is_text(self) -> bool:
        """Whether the files are texts that are converted to a CPU profile."""
        return self.format in TEXTS

    @property
    def file_kind(self) -> Kind:
        """The kind of the files as they are on the target."""
        if self.is_text:
            return Kind.OTHER
        return Kind(self.artifact or ("cpu" if self.format == "pprof" else "other"))

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        complete = (Kind.CPU, Kind.OTHER) if self.is_text else (self.file_kind,)
        return tuple(kind for kind in complete if kind not in have)

    def _check_options(self) -> None:
        """Raises ValueError for options that are wrong or contradict each other."""
        if self.is_text and self.artifact not in ("", "cpu"):
            problem = f"{self.format} becomes a profile of kind cpu; leave artifact out"
            raise ValueError(f"{kind_of(self)}: artifact: {problem}")
        compiled(self.exe)

    def _refuse_other_program(self, process: Process, host: str, purpose: str) -> None:
        """Raises Refused if the option `exe` does not match the process. purpose: what the programs are for."""
        program = process.exe or process.comm
        if not compiled(self.exe).search(program):
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({program}) is none of the programs that {purpose} is for "
                f"(exe: {self.exe})",
            )

    def _danger(self, capture: Capture, answer: Answer) -> str | None:
        return danger_in(answer)


def seconds_of(recording: Recording) -> int:
    """The requested duration in whole seconds."""
    return round(recording.capture.duration.total_seconds())


def identity_of(process: Process) -> str:
    """The process as a request to the gate names it, for `plan`."""
    return f"{process.id.pid} {process.id.start} {process.id.image}"

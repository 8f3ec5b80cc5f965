"""The base of the profilers whose act is the configuration's: signal and command.

Such a profiler becomes a recipe, a function of the gate's own script. The files that it leaves may be profiles, texts
that are converted to profiles, or anything else.
"""

import re
from abc import abstractmethod
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, Literal

from app.analysis.convert import Format
from app.analysis.stacks import CPU, Options
from app.errors import AlertprofError, Code, Refused
from app.gate.answers import Answer, Process
from app.gate.client import Gate
from app.gate.recipes import MAPPED, Recipe
from app.intake.re2 import compiled
from app.model import Capture, Kind
from app.plugins import kind_of
from app.profilers.base import Fetched, Recording
from app.profilers.checks import danger_in
from app.profilers.code_names import with_names
from app.profilers.gate_profiler import GateProfiler

# What the options may be.
FileFormat = Literal[
    "folded", "perf-script", "jfr", "otlp", "cpuprofile", "speedscope", "chrome-trace", "pprof", "other"
]
ArtifactKind = Literal[
    "", "cpu", "heap", "allocs", "mutex", "block", "goroutine", "goroutineleak", "trace", "log", "other"
]
Unit = Literal["", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes", "count"]

OF_TEXTS = ("", "cpu", "heap", "allocs", "mutex", "block", "goroutine", "other")  # kinds of what is a pprof profile
UNNAMED = ("folded", "speedscope", "chrome-trace")  # formats that do not say what was measured
TIMES = ("", "nanoseconds", "microseconds", "milliseconds", "seconds")
FASTEST = 1_000_000  # samples a second


class RecipeProfiler(GateProfiler):
    """A profiler that the configuration describes. Its subclasses have these options:

    exe: only for processes with this in the path of their executable (RE2); "" for all
    format: the format of the files: one that is converted, pprof or other
    artifact: the kind of the artifacts, of texts that of the converted profile; "" for what the content implies
    rate, unit, sample: what a folded file does not say; see app.analysis.stacks.Options
    """

    exe: str
    format: FileFormat
    artifact: ArtifactKind
    rate: float | None
    unit: Unit
    sample: str

    lost: ClassVar[str] = "the process ended before its files were complete"

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """The function for the gate's script."""

    def recipes(self) -> tuple[Recipe, ...]:
        return (self.recipe, MAPPED) if self.format == "pprof" else (self.recipe,)

    def notes(self) -> tuple[str, ...]:
        if self.format != "folded" or self.rate or self.unit or self.sample:
            return ()
        return (f"{kind_of(self)}: without rate or unit the folded stacks are counted only, and have no time",)

    @property
    def is_text(self) -> bool:
        """Whether the files are another profiler's, which are converted to a pprof profile."""
        return self.format in tuple(Format)

    @property
    def converted_kind(self) -> Kind | None:
        """The kind of the profile that is made of a text; None where only the text tells."""
        if self.artifact or self.format != "folded":
            return Kind(self.artifact) if self.artifact else None
        return Kind.CPU if self.sample in ("", CPU.type) and self.unit in TIMES else Kind.OTHER

    @property
    def file_kind(self) -> Kind:
        """The kind of the files as they are on the target."""
        if self.is_text:
            return Kind.OTHER
        return Kind(self.artifact or ("cpu" if self.format == "pprof" else "other"))

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        converted = self.converted_kind or (None if have else Kind.CPU)
        complete = {converted, self.file_kind} if self.is_text and converted else {self.file_kind}
        return tuple(kind for kind in Kind if kind in complete - have)

    def _read(self, gate: Gate, recording: Recording, file: Fetched, *, timed: bool = True) -> Fetched:
        """A whole file with what is known of it; see _text and with_names."""
        if self.format == "pprof":
            return with_names(gate, recording.process, file)
        return self._text(gate, recording, file, timed=timed) if self.is_text else file

    def _text(self, gate: Gate, recording: Recording, file: Fetched, *, timed: bool = True) -> Fetched:
        """The file with what converting it needs. timed: it is of the recording's time, not of the process's life."""
        options, threads = Options(self.rate, self.unit, self.sample), None
        with suppress(AlertprofError):
            process = gate.look(recording.process.pid) if timed else None
            if process and process.id.key == recording.process.key:
                threads = process.threads
        return replace(file, format=self.format, options=options, becomes=self.converted_kind, threads=threads)

    def _check_options(self) -> None:
        """Raises ValueError for options that are wrong or contradict each other."""
        if self.is_text and self.artifact not in OF_TEXTS:
            said = f"{self.format} becomes a pprof profile; there are {', '.join(filter(None, OF_TEXTS))}"
            raise ValueError(f"{kind_of(self)}: artifact: {said}")
        self._check_counts()
        compiled(self.exe)

    def _check_counts(self) -> None:
        """Raises ValueError for options of folded files that are wrong or contradict each other."""
        kind = kind_of(self)
        told = self.rate is not None or self.unit
        if (told and self.format != "folded") or (self.sample and self.format not in UNNAMED):
            said = "are for format: folded (sample for speedscope and chrome-trace as well); other files say themselves"
            raise ValueError(f"{kind}: rate, unit and sample {said}")
        if self.rate is not None and not 0 < self.rate <= FASTEST:
            raise ValueError(f"{kind}: rate: samples a second, more than 0 and at most {FASTEST}")
        if self.rate is not None and self.unit:
            raise ValueError(f"{kind}: unit: leave it or rate out: counts are either samples, or values in a unit")
        if not re.fullmatch(r"[a-z0-9_-]{0,40}", self.sample):
            raise ValueError(f"{kind}: sample: small letters, digits, - and _, 40 at most; such as cpu, wall or alloc")
        if self.unit not in TIMES and not self.sample:
            raise ValueError(f"{kind}: sample: say what the {self.unit} are of, such as alloc")

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

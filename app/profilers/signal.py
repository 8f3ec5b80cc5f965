"""Any process that leaves files or prints at a signal: Node its heap snapshots, sponge its profiles, a JVM its dumps.

The configuration says which signal, and where the files appear; both become a function of the gate's own script. The
gate sends the signal only to a process that is shown to catch it, and takes only files that were not there before.
"""

import re
import shlex
from dataclasses import dataclass
from typing import Literal

from app.gate.answers import Answer, Process
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.model import Capture
from app.profilers.base import SWITCH_FIRED, Recording, StepResult
from app.profilers.checks import danger_in, refuse_full_disk, refuse_shell
from app.profilers.gate_profiler import SOON
from app.profilers.globs import check_glob, shell_glob
from app.profilers.recipe_profiler import ArtifactKind, FileFormat, Unit, identity_of
from app.profilers.refusals import refusal_of
from app.profilers.signal_profiler import SignalProfiler

# The numbers on x86 and arm; the gate refuses to work on machines with others. Signals that are meant to end a process
# are left out.
NUMBERS = {
    "SIGHUP": 1,
    "SIGQUIT": 3,
    "SIGTRAP": 5,
    "SIGUSR1": 10,
    "SIGUSR2": 12,
    "SIGALRM": 14,
    "SIGVTALRM": 26,
    "SIGPROF": 27,
    "SIGWINCH": 28,
    "SIGIO": 29,
    "SIGPWR": 30,
}
FILES_AT_MOST = 10
STDOUT = "{stdout}"
EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}$")


@dataclass(frozen=True, slots=True)
class Signal(SignalProfiler):
    """Signals a process and takes the files that appear.

    start_signal: such as SIGUSR2
    files: globs of the files (see globs.py), or {stdout} alone: what the process prints
    stop_signal: the signal that ends the recording; the target sends it even if we never come back. "" if the process
        ends the recording itself
    exe, format, artifact, rate, unit, sample: see RecipeProfiler
    go_function: a function whose presence in a Go program shows that it asks for SIGHUP, SIGQUIT or SIGTRAP
    done: the files are complete when the process has closed them, or when the duration is over
    """

    start_signal: str
    files: tuple[str, ...]
    stop_signal: str = ""
    exe: str = ""
    go_function: str = ""
    done: Literal["closed", "duration"] = "closed"
    format: FileFormat = "other"
    artifact: ArtifactKind = ""
    rate: float | None = None
    unit: Unit = ""
    sample: str = ""

    def __post_init__(self) -> None:
        for signal in filter(None, (self.start_signal, self.stop_signal)):
            if signal not in NUMBERS:
                raise ValueError(f"signal: {signal!r} is none that is sent; there are {', '.join(NUMBERS)}")
        self._check_files()
        self._check_options()
        if not re.fullmatch(r"[!-~]{0,300}", self.go_function):
            raise ValueError(
                "signal: go_function: the full name of a function, such as example.com/prof.(*profile).Run"
            )

    def _check_files(self) -> None:
        if not self.files or len(self.files) > FILES_AT_MOST:
            raise ValueError(f"signal: files: name 1 to {FILES_AT_MOST} places")
        if STDOUT not in self.files:
            for glob in self.files:
                check_glob(glob)
        elif self.files != (STDOUT,) or self.stop_signal:
            raise ValueError(f"signal: files: {STDOUT} stands alone, and without a stop_signal")

    @property
    def recipe(self) -> Recipe:
        first, last = (signal.removeprefix("SIG") for signal in (self.start_signal, self.stop_signal))
        numbers = f"no1={NUMBERS[self.start_signal]} no2={NUMBERS.get(self.stop_signal, '')}"
        shown = shlex.quote(self.go_function)
        places = " ".join(shell_glob(glob) for glob in self.files if glob != STDOUT)
        sure = "quiet" if STDOUT in self.files else self.done
        return Recipe(
            f"case $1 in\nhow) what=signal first={first} last={last} {numbers} sure={sure} shows={shown} ;;\n"
            f"files) set +f; fits {places}; set -f ;;\nesac"
        )

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        refuse_shell(process, host, f"{self.start_signal} might kill it")
        self._refuse_other_program(process, host, self.start_signal)
        if not process.readable:
            raise refusal_of(process, host, "unreadable")
        refuse_full_disk(process, host, "since a dump is as large as the process")
        return f"signal-{self.start_signal.removeprefix('SIG').lower()}"

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        words = f"{identity_of(process)} {self.recipe.id} {round(capture.duration.total_seconds())}"
        sent = f"signal {words} TOKEN: {self.start_signal} to pid {process.id.pid}"
        ending = f"stop TOKEN: {self.stop_signal} to it, unless the dead-man's switch was quicker"
        files = f"fetch TOKEN of what is new in {', '.join(self.files)}, then drop TOKEN"
        return (sent, *([ending] if self.stop_signal else []), files)

    def _started(self, gate: Gate, recording: Recording) -> StepResult:
        return StepResult(f"{self.start_signal} sent", min(recording.capture.duration, SOON * 2))

    def _danger(self, capture: Capture, answer: Answer) -> str | None:
        return danger_in(answer) if self.stop_signal else None

    def _stopped(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        appeared = f"{len(answer.files)} files appeared"
        if answer.fired:
            return StepResult(f"{SWITCH_FIRED} it; {appeared}")
        return StepResult(f"{self.stop_signal} sent; {appeared}" if answer.stopped else appeared)

    def _suffix(self, n: int) -> str:
        """The suffix of the nth artifact: the globs' own extension if they all have the same one.

        The names of the files on the host are never used."""
        if STDOUT in self.files:
            return ".txt"
        found = [EXTENSION.search(glob) for glob in self.files]
        extensions = {match[0] if match else "" for match in found}
        extension = extensions.pop() if len(extensions) == 1 else ""
        if self.is_text and extension == ".pprof":  # which is that of the converted profile
            extension = ".txt"
        number = f".{n}" if n > 1 else ""
        return number + (extension or (".pprof" if self.format == "pprof" else ".bin"))

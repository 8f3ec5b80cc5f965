"""Any process that leaves files at a signal, or prints: Node its heap snapshots, sponge its profiles, a JVM its dumps.

Which signal, and where the files appear, is the configuration's and becomes a function in the gate's own script
(Recipe). The gate sends it only to a process that is shown to catch it, and takes files that were not there before.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

from app.errors import Code, Refused, Retryable
from app.gate.client import Gate, Process
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.intake.re2 import compiled
from app.model import Capture, Kind
from app.profilers.base import Fetched, Profiler, StepResult, gate_of, host_of, process_of, same_boot
from app.profilers.gates import (
    COMMON,
    LOOK_EVERY,
    SOON,
    Refusals,
    endangered,
    fetched,
    files_of,
    harm_in,
    name_of,
    no_wrapper,
    refusal,
    refusal_of,
    removed,
    room_for,
)

# Of x86 and arm; the gate refuses to work where they are others. Whatever is meant to end a process is left out.
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
PART = re.compile(r"(\{[A-Za-z_][A-Za-z0-9_]*\}|[*?]+)")

REFUSALS: Refusals = {
    **COMMON,
    "deadly": (Refused, Code.UNSAFE_SIGNAL, "has no handler for the rule's signal: it would kill the process"),
    "deaf": (
        Refused,
        Code.UNSAFE_SIGNAL,
        "is a Go program and not shown to ask for the rule's signal: Go programs die of some that they did not ask for "
        "(see go_function)",
    ),
    "many": (
        Refused,
        Code.NO_PROFILER,
        "has more than 2000 files where the rule looks for the new ones: name them more narrowly",
    ),
    "stdout": (
        Refused,
        Code.NO_PROFILER,
        "prints into no file (but a pipe, a terminal or the journal): what it says could not be brought home",
    ),
    "unarmed": (Refused, Code.NOT_PERMITTED, "was left alone: the dead-man's switch could not be started there"),
    "pending": (Retryable, Code.UNSAFE_SIGNAL, "has not taken an earlier signal yet"),
}


@dataclass(frozen=True, slots=True)
class Signal(Profiler):
    signals: ClassVar[bool] = True

    start_signal: str  # such as SIGUSR2
    # Globs (* and ?), as the process sees them; {tmp}: its TMPDIR, {pid}: its own pid. Or {stdout}: what it prints.
    files: tuple[str, ...]
    stop_signal: str = ""  # where the recording has to be ended; the target sends it even if we never come back
    exe: str = ""  # for processes in whose executable's path this is found (RE2)
    go_function: str = ""  # whose presence in a Go program shows that it asks for SIGHUP, SIGQUIT or SIGTRAP
    done: Literal["closed", "duration"] = "closed"  # the files are whole when they are closed, or when the time is up
    format: Literal["folded", "perf-script", "pprof", "other"] = "other"  # of the files
    artifact: Literal["", "cpu", "heap", "allocs", "mutex", "block", "goroutine", "trace", "log", "other"] = ""

    def __post_init__(self) -> None:
        for signal in filter(None, (self.start_signal, self.stop_signal)):
            if signal not in NUMBERS:
                raise ValueError(f"signal: {signal!r} is none that is sent; there are {', '.join(NUMBERS)}")
        if not self.files or len(self.files) > FILES_AT_MOST:
            raise ValueError(f"signal: files: name 1 to {FILES_AT_MOST} places")
        if STDOUT in self.files:
            self._check_stdout()
        else:
            for glob in self.files:
                checked(glob)
        if self._text and self.artifact not in ("", "cpu"):
            raise ValueError(f"signal: artifact: {self.format} becomes a profile of kind cpu; leave artifact out")
        if not re.fullmatch(r"[!-~]{0,300}", self.go_function):
            raise ValueError(
                "signal: go_function: the full name of a function, such as example.com/prof.(*profile).Run"
            )
        compiled(self.exe)

    def _check_stdout(self) -> None:
        if self.files != (STDOUT,) or self.stop_signal:
            raise ValueError(f"signal: files: {STDOUT} stands alone, and without a stop_signal")

    @property
    def recipe(self) -> Recipe:
        first, last = (signal.removeprefix("SIG") for signal in (self.start_signal, self.stop_signal))
        numbers = f"no1={NUMBERS[self.start_signal]} no2={NUMBERS.get(self.stop_signal, '')}"
        shown = shlex.quote(self.go_function)
        places = " ".join(place(glob) for glob in self.files if glob != STDOUT)
        sure = "quiet" if STDOUT in self.files else self.done
        return Recipe(
            f"case $1 in\nhow) what=signal first={first} last={last} {numbers} sure={sure} shows={shown} ;;\n"
            f"files) set +f; fits {places}; set -f ;;\nesac"
        )

    def recipes(self) -> tuple[Recipe, ...]:
        return (self.recipe,)

    @property
    def _text(self) -> bool:
        """A profile of kind cpu is made of it."""
        return self.format in ("folded", "perf-script")

    @property
    def _kind(self) -> Kind:
        """Of the files as they come."""
        return Kind(self.artifact or ("cpu" if self.format == "pprof" else "other")) if not self._text else Kind.OTHER

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        name = name_of(process)
        no_wrapper(process, host, f"{self.start_signal} might kill it")
        if not compiled(self.exe).search(process.exe or process.comm):
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({process.exe or process.comm}) is none of the programs that "
                f"{self.start_signal} is for (exe: {self.exe})",
            )
        if not process.readable:
            raise refusal_of(host, process.id.pid, f"({name})", "unreadable", REFUSALS)
        room_for(process, host, "since a dump is as large as the process")
        return f"signal-{self.start_signal.removeprefix('SIG').lower()}"

    def start(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        process, gate = process_of(capture), gate_of(capture, pool)
        answer = gate.signal(process, self.recipe, seconds_of(capture), capture.token)
        if harm := harm_in(gate, capture, answer):
            return StepResult(f"{self.start_signal} sent", harm=harm)
        if answer.code not in ("started", "replayed", "ended"):
            raise refusal(capture, answer.code, REFUSALS)
        return StepResult(f"{self.start_signal} sent", min(capture.duration, SOON * 2))

    def watch(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        answer = gate_of(capture, pool).status(capture.token)
        if answer.ended or answer.code in ("finished", "gone", "replaced"):
            return StepResult(harm=answer.ended)
        if answer.code != "open":
            raise refusal(capture, answer.code, REFUSALS)
        if (danger := endangered(answer)) and self.stop_signal:
            return StepResult(f"stopped early: {danger}")
        left = (capture.started_at or now) + capture.duration - now
        return StepResult(again=min(left, LOOK_EVERY)) if left > timedelta(0) else StepResult()

    def stop(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        answer = gate_of(capture, pool).stop(capture.token)
        if answer.code in ("open", "busy", "deaf", "pending"):  # deaf: it shuts down, its end will be the recording's
            return StepResult(again=SOON)
        if answer.ended or answer.code in ("gone", "replaced"):
            return StepResult("the process ended before its files were whole", notes={"lost": True}, harm=answer.ended)
        if answer.code not in ("finished", "unconfirmed"):
            raise refusal(capture, answer.code, REFUSALS)
        said = f"{self.stop_signal} sent; " if answer.stopped and not answer.fired else ""
        fired = "the dead-man's switch on the host had ended it; " if answer.fired else ""
        return StepResult(f"{said}{fired}{len(answer.files)} files appeared")

    def collect(
        self,
        capture: Capture,
        pool: HostPool,
        folder: Path,
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> StepResult:
        if capture.artifacts:
            return StepResult("the files are home already")
        with pool.files(host_of(capture)) as gate:
            files = self._files(same_boot(gate, process_of(capture)), capture, folder)
        for file in files:
            keep(file)
        return StepResult(f"{sum(not file.fault for file in files)} files brought home")

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        whole = (Kind.CPU, Kind.OTHER) if self._text else (self._kind,)
        return tuple(kind for kind in whole if kind not in have)

    def clean(self, capture: Capture, pool: HostPool) -> StepResult:
        return removed(gate_of(capture, pool), capture)

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        words = f"{process.id.pid} {process.id.start} {process.id.image} {self.recipe.id} {seconds_of(capture)}"
        sent = f"signal {words} TOKEN: {self.start_signal} to pid {process.id.pid}"
        ending = f"stop TOKEN: {self.stop_signal} to it, unless the dead-man's switch was quicker"
        files = f"fetch TOKEN of what is new in {', '.join(self.files)}, then drop TOKEN"
        return (sent, *([ending] if self.stop_signal else []), files)

    def _files(self, gate: Gate, capture: Capture, folder: Path) -> list[Fetched]:
        """All of the token's files; one with a fault where there is none."""
        there = files_of(gate, capture)
        if not there:
            path = folder / "none"
            path.touch()
            said = f"nothing of the process's own appeared in {', '.join(self.files)}"
            return [Fetched(self._kind, path, 0, said, self._suffix(1))]
        return [self._file(gate, capture, folder, n, file.kind) for n, file in enumerate(there, 1)]

    def _file(self, gate: Gate, capture: Capture, folder: Path, n: int, remote: str) -> Fetched:
        file = fetched(gate, capture, remote, folder, kind=self._kind, suffix=self._suffix(n))
        if not file.fault and self._text and n == 1:
            return Fetched(file.kind, file.path, file.size, "", file.suffix, self.format)
        return file

    def _suffix(self, n: int) -> str:
        """What our name of the nth file ends with: as the globs do, if all alike. The host's names stay there."""
        if STDOUT in self.files:
            return ".txt"
        ends = {m[0] if (m := re.search(r"\.[A-Za-z0-9]{1,16}$", glob)) else "" for glob in self.files}
        suffix = ends.pop() if len(ends) == 1 else ""
        return (f".{n}" if n > 1 else "") + (suffix or (".pprof" if self.format == "pprof" else ".bin"))


def seconds_of(capture: Capture) -> int:
    return round(capture.duration.total_seconds())


def checked(glob: str) -> None:
    """Raises ValueError for what is no place of files."""
    for part in PART.findall(glob):
        if part not in ("{tmp}", "{pid}") and part.startswith("{"):
            raise ValueError(f"signal: files: {part} is no placeholder; there are {{tmp}} and {{pid}}")
    if not glob.isprintable() or not glob or glob.endswith("/") or "{tmp}" in glob.removeprefix("{tmp}/"):
        raise ValueError(f"signal: files: {glob[:80]!r} is no path of files; {{tmp}}/ stands at the beginning only")
    if not PART.sub("", glob.rpartition("/")[2]):
        raise ValueError(f"signal: files: {glob[:80]!r} would take any file; write a part of its name")


def place(glob: str) -> str:
    """The glob for the shell, below the root of the process: literally, but for * and ? and the placeholders."""
    below = 'root"$tmp"' if glob.startswith("{tmp}/") else "root" if glob.startswith("/") else 'root"$dir"/'
    parts = PART.split(glob.removeprefix("{tmp}"))
    return below + "".join(part_of(part) for part in parts if part)


def part_of(part: str) -> str:
    if part == "{pid}":
        return '"$ns"'
    return part if PART.fullmatch(part) else shlex.quote(part)

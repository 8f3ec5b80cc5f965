"""A command on the host that profiles the process: py-spy, perf, async-profiler, jcmd, for other runtimes than Go.

The command is the configuration's, and becomes a function in the gate's own script (Recipe): each word is quoted there,
and no label ever comes near it. On the host it runs under a keeper, which ends it, whatever becomes of us.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from app.errors import Code, Refused
from app.gate.client import Answer, Gate, Process
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
    name_of,
    no_wrapper,
    refusal,
    refusal_of,
    removed,
)

LATE = timedelta(seconds=30)  # after its keeper should have ended it
SHOWN = 200  # characters of a command in a sentence
HEAD = 4096  # bytes that tell a text

PLACEHOLDER = re.compile(r"(\{[A-Za-z_][A-Za-z0-9_]*\})")
VARIABLES = {"{pid}": '"$pid"', "{duration}": '"$secs"', "{output}": '"$output"'}  # as the gate calls them

REFUSALS: Refusals = {
    **COMMON,
    "stopped": (Refused, Code.UNSAFE_SIGNAL, "is stopped (SIGSTOP or a debugger): there is nothing to record"),
    "journal": (Refused, Code.NO_SPACE, "is on a host where the gate cannot write its journal (disk full?)"),
    "room": (Refused, Code.NO_SPACE, "is on a host with less than 64 MiB free where the command's output would go"),
    "unarmed": (Refused, Code.NOT_PERMITTED, "was left alone: the command's keeper could not be started there"),
}


@dataclass(frozen=True, slots=True)
class Command(Profiler):
    command: str | tuple[str, ...]  # a text is split into words as a shell would
    name: str = ""
    exe: str = ""  # for processes in whose executable's path this is found (RE2)
    format: Literal["folded", "perf-script", "pprof", "other"] = "other"  # of what it writes into {output}
    artifact: Literal["", "cpu", "heap", "allocs", "mutex", "block", "goroutine", "trace", "log", "other"] = ""
    output: Literal["host", "target"] = "host"  # who writes it: the command, or the process as its own user
    grace: timedelta = timedelta(seconds=30)  # after the duration, before it is ended

    def __post_init__(self) -> None:
        if not self.words or not self.words[0] or self.words[0].startswith("-"):
            raise ValueError("command: command: the first word is the program to run")
        for word in self.words:
            checked(word)
        if not any("{output}" in word for word in self.words):
            raise ValueError("command: command: no word of it has {output}, where the result goes")
        if not re.fullmatch(r"[a-z0-9-]{0,40}", self.name):
            raise ValueError("command: name: small letters, digits and hyphens, 40 at most")
        if self._text and self.artifact not in ("", "cpu"):
            raise ValueError(f"command: artifact: {self.format} becomes a profile of kind cpu; leave artifact out")
        if not timedelta(0) <= self.grace <= timedelta(hours=1):
            raise ValueError("command: grace: at most an hour")
        compiled(self.exe)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(shlex.split(self.command)) if isinstance(self.command, str) else self.command

    @property
    def recipe(self) -> Recipe:
        seconds = round(self.grace.total_seconds())
        command = " ".join(quoted(word) for word in self.words)
        return Recipe(
            f"case $1 in\nhow) what=command put={self.output} grace={seconds} ;;\ngo) exec {command} ;;\nesac"
        )

    @property
    def _text(self) -> bool:
        """A profile of kind cpu is made of it."""
        return self.format in ("folded", "perf-script")

    @property
    def _kind(self) -> Kind:
        """Of the file as it comes."""
        return Kind(self.artifact or ("cpu" if self.format == "pprof" else "other")) if not self._text else Kind.OTHER

    def recipes(self) -> tuple[Recipe, ...]:
        return (self.recipe,)

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        no_wrapper(process, host, "there is nothing of the service in it to see")
        if not compiled(self.exe).search(process.exe or process.comm):
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({process.exe or process.comm}) is none of the programs that "
                f"{self._name} is for (exe: {self.exe})",
            )
        if not process.readable:
            raise refusal_of(host, process.id.pid, f"({name_of(process)})", "unreadable", REFUSALS)
        return self._name

    def start(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        process, gate = process_of(capture), gate_of(capture, pool)
        answer = gate.run(process, self.recipe, round(capture.duration.total_seconds()), capture.token)
        if answer.code not in ("started", "replayed", "ended"):
            raise refusal(capture, answer.code, REFUSALS)
        return StepResult(f"the command runs there: {self._shown}", min(capture.duration, LOOK_EVERY))

    def watch(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        answer = gate_of(capture, pool).status(capture.token)
        if answer.code == "finished":
            return StepResult()
        if answer.code != "open":
            raise refusal(capture, answer.code, REFUSALS)
        if danger := endangered(answer):
            return StepResult(f"stopped early: {danger}")
        planned = (capture.started_at or now) + capture.duration
        if now >= planned + self.grace + LATE:  # its keeper must have been killed
            return StepResult("the command does not end by itself")
        return StepResult(again=min(planned - now, LOOK_EVERY) if planned > now + SOON else SOON * 2)

    def stop(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        process, gate = process_of(capture), gate_of(capture, pool)
        answer = gate.stop(capture.token)
        if answer.code in ("open", "busy"):
            return StepResult(again=SOON)
        if answer.code != "finished":
            raise refusal(capture, answer.code, REFUSALS)
        if failure(answer) and not any(seen.id.key == process.key for seen in gate.process(process.pid)):
            return StepResult("the process ended while it was recorded", notes={"lost": True})
        return StepResult(f"the command {failure(answer) or 'has ended well'}")

    def collect(
        self,
        capture: Capture,
        pool: HostPool,
        folder: Path,
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> StepResult:
        if capture.artifacts:
            return StepResult("the file is home already")
        with pool.files(host_of(capture)) as gate:
            file = self._file(same_boot(gate, process_of(capture)), capture, folder)
        keep(file)
        return StepResult("its result was brought home" if file.size else "there is no result")

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        whole = (Kind.CPU, Kind.OTHER) if self._text else (self._kind,)
        return tuple(kind for kind in whole if kind not in have)

    def clean(self, capture: Capture, pool: HostPool) -> StepResult:
        return removed(gate_of(capture, pool), capture)

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        seconds = round(capture.duration.total_seconds())
        identity = f"{process.id.pid} {process.id.start} {process.id.image}"
        return (
            f"run {identity} {self.recipe.id} {seconds} TOKEN: {shlex.join(self.words)}",
            f"its processes are ended after {seconds} s and {round(self.grace.total_seconds())} s of grace",
            "fetch TOKEN output, then drop TOKEN",
        )

    @property
    def _name(self) -> str:
        return f"command-{self.name}" if self.name else "command"

    @property
    def _shown(self) -> str:
        text = shlex.join(self.words)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"

    def _file(self, gate: Gate, capture: Capture, folder: Path) -> Fetched:
        """The command's result. Without samples, or from a command that failed, it is none."""
        answer, path = gate.status(capture.token), folder / "output"
        wrong = failure(answer)
        if not answer.files:
            path.touch()
            return Fetched(self._kind, path, 0, wrong or f"wrote no file to {{output}}{in_words(answer)}", ".txt")
        file = fetched(gate, capture, "output", folder, kind=self._kind)
        if fault := wrong or file.fault or ("" if file.size else f"wrote an empty file{in_words(answer)}"):
            return Fetched(file.kind, path, file.size, fault, self._suffix(path))
        return Fetched(file.kind, path, file.size, "", self._suffix(path), self.format if self._text else "")

    def _suffix(self, path: Path) -> str:
        known = {"folded": ".folded", "perf-script": ".perf.txt", "pprof": ".pprof"}
        return known.get(self.format) or suffix_of(path)


def checked(word: str) -> None:
    """Raises ValueError for what cannot be a word of a command."""
    if "\0" in word or not encodes(word):
        raise ValueError(f"command: command: no word of a command: {word[:40]!r}")
    for part in PLACEHOLDER.findall(word):
        if part not in VARIABLES:
            raise ValueError(
                f"command: command: {part} is no placeholder; there are {', '.join(VARIABLES)} "
                "(for a brace that is none, put a blank behind it, and write a shell's variable without braces)"
            )


def encodes(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def quoted(word: str) -> str:
    """The word for the shell: literally, but for the placeholders."""
    parts = [VARIABLES.get(part) or shlex.quote(part) for part in PLACEHOLDER.split(word) if part]
    return "".join(parts) or "''"


def failure(answer: Answer) -> str:
    """Why what the command left is no result; "" when it ended well. Its last words say more than its status."""
    if answer.exit == 0:
        return ""
    if answer.fired:
        return f"took too long, or its session was torn down, and was ended{in_words(answer)}"
    if answer.exit is None:
        return f"was ended by somebody else, and so was its keeper{in_words(answer)}"
    how = f"was ended by signal {answer.exit - 128}" if answer.exit > 128 else f"failed with status {answer.exit}"
    return f"{how}{in_words(answer)}"


def in_words(answer: Answer) -> str:
    return f": {' | '.join(answer.said)}" if answer.said else ""


def suffix_of(path: Path) -> str:
    """Of a file of no known form: a JVM's flight recording, a text, or anything."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"FLR\0"):
        return ".jfr"
    try:
        text = b"\0" not in head and bool(head.decode())
    except UnicodeDecodeError as error:
        text = len(head) == HEAD and error.start > HEAD - 4  # a letter was cut in two
    return ".txt" if text else ".bin"

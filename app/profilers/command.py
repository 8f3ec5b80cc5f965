"""A command on the host that profiles the process: py-spy, perf, async-profiler, jcmd, for other runtimes than Go.

The command is the configuration's and becomes a function of the gate's own script: each word is quoted there, and no
label is ever part of it. On the host a keeper runs the command and ends it, whatever becomes of us.
"""

import re
import shlex
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

from app.errors import Code
from app.gate.answers import Answer, Process
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.model import Capture
from app.profilers.base import Fetched, Recording, StepResult
from app.profilers.checks import refuse_shell
from app.profilers.gate_profiler import LOOK_EVERY, SOON
from app.profilers.recipe_profiler import (
    ArtifactKind,
    FileFormat,
    RecipeProfiler,
    Unit,
    identity_of,
    seconds_of,
)
from app.profilers.refusals import COMMON, Refusals, refusal_of, refused
from app.profilers.remote_files import fetch_file

LATE = timedelta(seconds=30)  # after the time at which the keeper should have ended the command
SHOWN = 200  # characters of a command in a message
HEAD = 4096  # bytes that tell a text

PLACEHOLDER = re.compile(r"(\{[A-Za-z_][A-Za-z0-9_]*\})")
VARIABLES = {"{pid}": '"$pid"', "{duration}": '"$secs"', "{output}": '"$output"'}  # the gate's names of them
SUFFIXES = {
    "folded": ".folded",
    "perf-script": ".perf.txt",
    "jfr": ".jfr",
    "otlp": ".otlp",
    "cpuprofile": ".cpuprofile",
    "speedscope": ".speedscope.json",
    "chrome-trace": ".trace.json",
    "pprof": ".pprof",
}


@dataclass(frozen=True, slots=True)
class Command(RecipeProfiler):
    """Runs a command on the host and takes the file that it writes.

    command: the words; a text is split into words as a shell would
    name: becomes part of the profiler's name
    exe, format, artifact, rate, unit, sample: see RecipeProfiler
    output: who writes the file: the command (host), or the process as its own user (target)
    grace: the time after the duration before the keeper ends the command
    """

    lost: ClassVar[str] = "the process ended while it was recorded"
    refusals: ClassVar[Refusals] = {
        **COMMON,
        **refused(Code.UNSAFE_SIGNAL, {"stopped": "is stopped (SIGSTOP or a debugger): there is nothing to record"}),
        **refused(
            Code.NO_SPACE,
            {
                "journal": "is on a host where the gate cannot write its journal (disk full?)",
                "room": "is on a host with less than 64 MiB free where the command's output would go",
            },
        ),
        **refused(Code.NOT_PERMITTED, {"unarmed": "was left alone: the command's keeper could not be started there"}),
    }

    command: str | tuple[str, ...]
    name: str = ""
    exe: str = ""
    format: FileFormat = "other"
    artifact: ArtifactKind = ""
    output: Literal["host", "target"] = "host"
    grace: timedelta = timedelta(seconds=30)
    rate: float | None = None
    unit: Unit = ""
    sample: str = ""

    def __post_init__(self) -> None:
        if not self.words or not self.words[0] or self.words[0].startswith("-"):
            raise ValueError("command: command: the first word is the program to run")
        for word in self.words:
            check_word(word)
        if not any("{output}" in word for word in self.words):
            raise ValueError("command: command: no word of it has {output}, where the result goes")
        if not re.fullmatch(r"[a-z0-9-]{0,40}", self.name):
            raise ValueError("command: name: small letters, digits and hyphens, 40 at most")
        if not timedelta(0) <= self.grace <= timedelta(hours=1):
            raise ValueError("command: grace: at most an hour")
        self._check_options()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(shlex.split(self.command)) if isinstance(self.command, str) else self.command

    @property
    def recipe(self) -> Recipe:
        seconds = round(self.grace.total_seconds())
        command = " ".join(shell_word(word) for word in self.words)
        return Recipe(
            f"case $1 in\nhow) what=command put={self.output} grace={seconds} ;;\ngo) exec {command} ;;\nesac"
        )

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        name = f"command-{self.name}" if self.name else "command"
        refuse_shell(process, host, "there is nothing of the service in it to see")
        self._refuse_other_program(process, host, name)
        if not process.readable:
            raise refusal_of(process, host, "unreadable")
        return name

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        seconds = round(capture.duration.total_seconds())
        return (
            f"run {identity_of(process)} {self.recipe.id} {seconds} TOKEN: {shlex.join(self.words)}",
            f"its processes are ended after {seconds} s and {round(self.grace.total_seconds())} s of grace",
            "fetch TOKEN output, then drop TOKEN",
        )

    def _request_start(self, gate: Gate, recording: Recording) -> Answer:
        return gate.run(recording.process, self.recipe, seconds_of(recording), recording.token, recording.capture.fence)

    def _started(self, gate: Gate, recording: Recording) -> StepResult:
        text = shlex.join(self.words)
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
        return StepResult(f"the command runs there: {shown}", min(recording.capture.duration, LOOK_EVERY))

    def _look_again(self, recording: Recording) -> StepResult:
        left = recording.time_left(recording.capture.duration)
        if left <= -(self.grace + LATE):  # the keeper must have been killed
            return StepResult("the command does not end by itself")
        return StepResult(again=min(left, LOOK_EVERY) if left > SOON else SOON * 2)

    def _stopped(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        process, fault = recording.process, failure(answer)
        if fault and not any(seen.id.key == process.key for seen in gate.process(process.pid)):
            return StepResult(self.lost, notes={"lost": True})
        return StepResult(f"the command {fault or 'has ended well'}")

    def _fetch(self, gate: Gate, recording: Recording, folder: Path) -> list[Fetched]:
        """The file that the command wrote, with a fault if the command failed or wrote nothing."""
        answer, path = gate.status(recording.token), folder / "output"
        fault = failure(answer)
        if not answer.files:
            path.touch()
            missing = f"wrote no file to {{output}}{last_words(answer)}"
            return [Fetched(self.file_kind, path, 0, fault or missing, ".txt")]
        file = fetch_file(gate, recording.capture, "output", folder, kind=self.file_kind)
        empty = "" if file.size else f"wrote an empty file{last_words(answer)}"
        file = replace(file, fault=fault or file.fault or empty, suffix=SUFFIXES.get(self.format) or suffix_of(path))
        return [file if file.fault else self._read(gate, recording, file)]


def check_word(word: str) -> None:
    """Raises ValueError for what cannot be a word of a command."""
    if "\0" in word or not is_utf8(word):
        raise ValueError(f"command: command: no word of a command: {word[:40]!r}")
    for part in PLACEHOLDER.findall(word):
        if part not in VARIABLES:
            raise ValueError(
                f"command: command: {part} is no placeholder; there are {', '.join(VARIABLES)} "
                "(for a brace that is none, put a blank behind it, and write a shell's variable without braces)"
            )


def is_utf8(word: str) -> bool:
    """Whether the word can be encoded: YAML may bring lone surrogates."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def shell_word(word: str) -> str:
    """The word for the gate's script: quoted, except for the placeholders."""
    parts = [VARIABLES.get(part) or shlex.quote(part) for part in PLACEHOLDER.split(word) if part]
    return "".join(parts) or "''"


def failure(answer: Answer) -> str:
    """Why the command failed, with its last words; "" if it ended well."""
    if answer.exit == 0:
        return ""
    if answer.fired:
        return f"took too long, or its session was torn down, and was ended{last_words(answer)}"
    if answer.exit is None:
        return f"was ended by somebody else, and so was its keeper{last_words(answer)}"
    how = f"was ended by signal {answer.exit - 128}" if answer.exit > 128 else f"failed with status {answer.exit}"
    return f"{how}{last_words(answer)}"


def last_words(answer: Answer) -> str:
    """The command's last lines on stderr, for the end of a sentence."""
    return f": {' | '.join(answer.last_words)}" if answer.last_words else ""


def suffix_of(path: Path) -> str:
    """The suffix for a file of unknown format: a JVM's flight recording, a text, or anything else."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"FLR\0"):
        return ".jfr"
    try:
        text = b"\0" not in head and bool(head.decode())
    except UnicodeDecodeError as error:
        text = len(head) == HEAD and error.start > HEAD - 4  # the head ends within a character
    return ".txt" if text else ".bin"

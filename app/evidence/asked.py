"""What a rule asks for besides the profile: the ends of logs, and variables of the process. Pure.

The options of a rule, as `evidence:` in the configuration has them. They become recipes of the gate's script, since no
path and no name travels in a request; a capture remembers them in its notes.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from app.gate.recipes import Recipe
from app.model import Capture

NOTE = "asked"  # in a capture's notes
LOGS, VARIABLES = 8, 32  # at most
LONGEST = 1000  # characters of a path
UNIT = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]{0,254}", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
NOT_LOGS = ("/proc", "/sys", "/dev")


@dataclass(frozen=True, slots=True)
class Log:
    """One log: a file of the host, by its absolute path without links, or a unit of systemd's.

    Raises ValueError for any other."""

    file: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        if bool(self.file) == bool(self.unit):
            raise ValueError("a log is {file: /path} or {unit: name.service}")
        if self.file and not is_path(self.file):
            raise ValueError(
                f"{self.file[:80]!r} is no log; write the absolute path of a file, as /var/log/x/access.log"
            )
        if self.unit and not UNIT.fullmatch(self.unit):
            raise ValueError(f"{self.unit[:80]!r} is no unit; write its name without wildcards, as orders.service")

    @property
    def recipe(self) -> Recipe:
        """The function for the gate's script."""
        path = PurePosixPath(self.file)
        words = ("print_file", str(path.parent), path.name) if self.file else ("print_unit", self.unit)
        return recipe("log", words)

    def __str__(self) -> str:
        return self.file or self.unit


@dataclass(frozen=True, slots=True)
class Asked:
    """logs: to read the ends of; environment: names of variables. Raises ValueError for what cannot be asked."""

    logs: tuple[Log, ...] = ()
    environment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.logs) > LOGS or len(self.environment) > VARIABLES:
            raise ValueError(f"{LOGS} logs and {VARIABLES} variables at most")
        for name in self.environment:
            if not VARIABLE.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is no name of a variable, as GOMEMLIMIT")

    @property
    def variables(self) -> Recipe:
        """The function that prints the variables."""
        return recipe("variables", ("print_variables", *self.environment))

    def recipes(self) -> tuple[Recipe, ...]:
        """Everything that the gate's script has to contain."""
        return (*(log.recipe for log in self.logs), *([self.variables] if self.environment else []))


NOTHING = Asked()


def recipe(what: str, words: tuple[str, ...]) -> Recipe:
    """A recipe of this sort that calls a function of the script with these words."""
    return Recipe(f"case $1 in\nhow) what={what} ;;\ngo) {shlex.join(words)} ;;\nesac")


def is_path(text: str) -> bool:
    """Whether it may be the path of a log, in its shortest form."""
    path = PurePosixPath(text)
    plain = text.isprintable() and len(text) <= LONGEST and str(path) == text and ".." not in path.parts
    inside = text.startswith("/") and not text.startswith("//") and len(path.parts) > 2
    return plain and inside and not any(path.is_relative_to(folder) for folder in NOT_LOGS)


def note_of(asked: Asked) -> Mapping[str, Any]:
    """The note by which `asked_in` finds it again; none where nothing is asked for."""
    return {NOTE: asdict(asked)} if asked != NOTHING else {}


def asked_in(capture: Capture) -> Asked:
    """What the rule asked for when the process was found."""
    note = capture.notes.get(NOTE, {})
    logs = tuple(Log(**log) for log in note.get("logs", ()))
    return Asked(logs, tuple(note.get("environment", ())))

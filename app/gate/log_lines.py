"""What the gate's verb `log` answers: the end of a log, untrusted. Pure. Called by client.py.

Secrets go before anybody sees the lines, and characters that a terminal would obey become blanks.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.redaction import Redaction

ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII)
OF_ACCESS_LOGS = re.compile(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]", re.ASCII)
SEQUENCE = re.compile(r"\x1b\[[0-?]{0,40}[ -/]{0,8}[@-~]")  # ECMA-48, 5.4: colours and the like
LINES = 2000  # that are kept; the gate cuts each at 4000 bytes, and all at 256 KiB
AROUND = "-around"  # in the names of their artifacts, behind the time: a recording may write logs, too
HEAD = 300  # characters of a line in which its time is looked for


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a log.

    code: `ok`, or why there is none; lines: without secrets
    now: the host's time in seconds since 1970; None where it does not tell
    """

    code: str
    lines: tuple[str, ...] = ()
    now: int | None = None

    def since(self, ago: timedelta) -> tuple[str, ...]:
        """The lines of the last so many seconds. A line without a time is as old as the one before it; where no line
        has one that names its zone, all of them."""
        if self.now is None:
            return self.lines
        begin, late, kept = self.now - ago.total_seconds(), True, list[str]()
        for line in self.lines:
            if (at := time_in(line[:HEAD])) is not None:
                late = at >= begin
            if late:
                kept.append(line)
        return tuple(kept)


def log_in(code: str, lines: Iterable[tuple[str, str]], redaction: Redaction) -> LogEnd:
    """The answer as (key, value)."""
    said = list(lines)
    facts = {key: value for key, value in said if key in ("now", "cut")}
    found = [value for key, value in said if key == "log"]
    found = (found[1:] if "cut" in facts else found)[-LINES:]
    shown = redaction.text("\n".join(map(harmless, found)))
    now = int(facts["now"]) if re.fullmatch(r"\d{1,12}", facts.get("now", ""), re.ASCII) else None
    return LogEnd(code, tuple(shown.split("\n")) if found else (), now)


def variables_in(lines: Iterable[tuple[str, str]], names: Iterable[str], redaction: Redaction) -> dict[str, str]:
    """The variables with these names, without secrets, of `variable NAME=VALUE` a line; the first of several."""
    found: dict[str, str] = {}
    for name, _, value in (value.partition("=") for key, value in lines if key == "variable"):
        if name in names:
            shown = redaction.command((f"{name}={harmless(value)}",))
            found.setdefault(name, shown.partition("=")[2])
    return found


def harmless(line: str) -> str:
    """The line without its colours, which would part a name from its value, and with a blank for any other character
    that a terminal would obey, but a tab."""
    return "".join(char if char.isprintable() or char == "\t" else " " for char in SEQUENCE.sub("", line))


def time_in(text: str) -> float | None:
    """The first time in a text that names its zone, in seconds since 1970."""
    return next(times_in(text), None)


def times_in(text: str) -> Iterator[float]:
    """The times in a text that name their zones, as RFC 3339 and web servers' access logs have them."""
    with suppress(ValueError, OverflowError):
        if found := ISO.search(text):
            yield datetime.fromisoformat(found[1] + found[2]).timestamp()
    with suppress(ValueError, OverflowError):
        if found := OF_ACCESS_LOGS.search(text):
            yield datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z").timestamp()

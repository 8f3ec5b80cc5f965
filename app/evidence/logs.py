"""Rung 5: the lines that logs got around the recording, where the rule names them.

They are read at its end, from shortly before its beginning, also when it has failed. docs/rules.md has the bounds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from app.evidence.asked import Log, asked_in
from app.evidence.base import OLD_GATE, Gathered, Piece, Rung, Subject
from app.gate.log_lines import AROUND, LogEnd
from app.model import Capture, Kind

BEFORE = timedelta(seconds=30)
LONGEST = timedelta(days=7)  # a host keeps what it noted of a recording for as long
OTHER_GATE = "the gate that is installed there does not have it: install what `alertprof gate --config.file F` prints"
WHY_NOT = {
    "verb": OLD_GATE,
    "recipe": OTHER_GATE,
    "absent": "there is no such file, or its directory may not be entered",
    "unreadable": "this account may not read it",
    "special": "it is no regular file, or a link: name the file itself",
    "linked": "it has a second name (a hard link), so that it may be another file",
    "astray": "links lead to its directory: name that by the path that `realpath` prints",
    "tools": "others may write its directory, and the host's dd cannot open a file without following links (GNU's can)",
    "nojournal": "there is no journalctl",
}


@dataclass(frozen=True, slots=True)
class Logs(Rung):
    """The ends of logs, each in a file of its own."""

    place: ClassVar[int] = 50

    def end(self, subject: Subject) -> Gathered:
        asked, pieces, said = asked_in(subject.capture), list[Piece](), list[str]()
        if not asked.logs or not subject.capture.started_at:
            return Gathered()
        ago = age_of(subject.capture, subject.now) + BEFORE
        with subject.pool.files(subject.host) as gate:  # of its own: a log may lie on a disk that does not answer
            for number, log in enumerate(asked.logs, 1):
                end = gate.log(log.recipe, round(ago.total_seconds()))
                lines = end.since(ago)
                said.append(in_words(log, end, len(lines)))
                if lines:
                    suffix = f"{AROUND}.txt" if number == 1 else f"{AROUND}-{number}.txt"
                    pieces.append(Piece(content(log, subject.host, lines), suffix, Kind.LOG))
        return Gathered("; ".join(said), tuple(pieces))


def age_of(capture: Capture, now: datetime) -> timedelta:
    """How long ago the recording began, by a clock that may have been set meanwhile."""
    return min(max(now - (capture.started_at or capture.created_at), timedelta(0)), LONGEST)


def in_words(log: Log, end: LogEnd, lines: int) -> str:
    """What came of one log, for the timeline."""
    if end.code != "ok":
        return f"{log}: {WHY_NOT.get(end.code, end.code)}"
    return f"{log}: {lines} line{'' if lines == 1 else 's'} of around the recording"


def content(log: Log, host: str, lines: tuple[str, ...]) -> bytes:
    """The file: a line that says where the others are from, and those."""
    return "\n".join((f"# {log} on {host}", *lines, "")).encode("utf-8", "replace")

"""What becomes of evidence that our store does not take. Pure; called by evidence.py and by the steps.

What the host still has stays there, and the capture waits for the store (WAITS). A snapshot in time cannot be asked for
again: it travels in the capture's row (KEPT) until the store takes it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.captures.failures import DEADLINES, again
from app.evidence.base import Piece
from app.model import Capture, Kind, Step

WAITS = "evidence_waits"  # in a capture's notes: for what; absent where nothing is missing that may still come
STORE, HOST = "store", "host"  # that our store takes it; that the host gives it
KEPT = "evidence_kept"  # in a capture's notes: the snapshots
MOST = 64 << 10  # bytes of snapshots in one row
TRIED_FOR = DEADLINES[Step.CLEAN]  # at a host that does not give what it has


def waits(capture: Capture, since: datetime | None) -> bool:
    """Whether the capture has to wait for our store. since: when its recording was over; somebody who asked for an end
    after that does not want to wait."""
    asked = capture.stop_requested_at
    return capture.notes.get(WAITS) == STORE and not (asked and since and asked > since)


def waiting(capture: Capture, now: datetime) -> Capture:
    """The capture, due again; for as long as our store takes nothing, no deadline approaches."""
    return again(replace(capture, give_up_at=now + TRIED_FOR), now)


def with_note(capture: Capture, key: str, value: Any) -> Capture:
    """With this note, or without one of that key where the value is empty."""
    others = {name: note for name, note in capture.notes.items() if name != key}
    return replace(capture, notes={**others, key: value} if value else others)


def keeping(capture: Capture, pieces: Iterable[Piece], at: datetime) -> Capture | None:
    """The capture with these snapshots in its row; None where they are no text or too much for a row."""
    try:
        new = [{**_plain(piece), "at": at.isoformat()} for piece in pieces]
    except UnicodeDecodeError:
        return None
    kept = [*capture.notes.get(KEPT, ()), *new]
    return with_note(capture, KEPT, kept) if sum(len(each["text"]) for each in kept) <= MOST else None


def kept_in(capture: Capture) -> Iterator[tuple[Piece, datetime]]:
    """The snapshots in its row, each with the time at which it was taken."""
    for each in capture.notes.get(KEPT, ()):
        yield Piece(each["text"].encode(), each["suffix"], Kind(each["kind"])), datetime.fromisoformat(each["at"])


def _plain(piece: Piece) -> Mapping[str, str]:
    return {"kind": piece.kind.value, "suffix": piece.suffix, "text": piece.content.decode()}

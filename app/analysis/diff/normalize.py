"""How two recordings of different length or load are made comparable. Pure."""

from enum import StrEnum
from typing import Final, Protocol

from app.analysis.diff.samples import WHOLE
from app.analysis.profile import BadProfile

HELD: Final = frozenset({"inuse_space", "inuse_objects", "space", "objects"})  # what a heap profile says is in use


class Recorded(Protocol):
    """What the choice depends on: Side has it, and Tree. kind: see shapes.kind_of; total: in the profile's unit."""

    @property
    def kind(self) -> str: ...
    @property
    def sample_type(self) -> str: ...
    @property
    def duration_seconds(self) -> float | None: ...
    @property
    def total(self) -> int: ...


class Normalize(StrEnum):
    """How the capture is scaled before its base is subtracted."""

    NONE = "none"  # as `go tool pprof -diff_base` does
    DURATION = "duration"  # to the length of the base
    TOTAL = "total"  # to the total of the base, as `go tool pprof -normalize -diff_base` does


def natural(base: Recorded, now: Recorded) -> Normalize:
    """What makes these two comparable: nothing for what is held or counted at one moment, the duration for what adds up
    while it is recorded, the total for what has added up since the process began."""
    if now.sample_type in HELD or now.kind in WHOLE:
        return Normalize.NONE
    return Normalize.DURATION if base.duration_seconds and now.duration_seconds else Normalize.TOTAL


def ratio(base: Recorded, now: Recorded, how: Normalize) -> float:
    """By what the values of `now` are multiplied. Raises BadProfile where a duration is asked for that is not known."""
    if how is Normalize.DURATION:
        if not (base.duration_seconds and now.duration_seconds):
            missing = "its base" if now.duration_seconds else "it"
            raise BadProfile(f"{missing} does not say how long it was recorded; ask for normalize=total or none")
        return base.duration_seconds / now.duration_seconds
    if how is Normalize.TOTAL:
        return base.total / now.total if now.total else 0.0
    return 1.0

"""The profiles that are requested at the beginning and at the end of a recording. Pure.

What may grow is requested twice, so that `go tool pprof -diff_base` shows the growth. The second has a suffix in its
name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from app.model import Artifact, Kind
from app.profilers.besides import BESIDES
from app.profilers.goroutines import COUNTED
from app.profilers.part import Part

AFTER = "-after.pprof"  # the end of the name of a second snapshot
FLIGHT = "-flight.trace"  # the end of the name of what a flight recorder held
LONG = (AFTER, FLIGHT, COUNTED.suffix, BESIDES)  # the ends of names that are more than what pathlib calls a suffix
GROWING = frozenset({Kind.GOROUTINELEAK, Kind.GOROUTINE, Kind.HEAP})


def fresh(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts, with the garbage collected before the heap is taken."""
    return tuple(replace(part, query="heap?gc=1") if part.kind is Kind.HEAP else part for part in parts)


def once_more(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Those of the parts to request at the end as well: the profiles of what may have grown."""
    growing = (part for part in parts if part.kind in GROWING and part.suffix == ".pprof")
    return tuple(replace(part, suffix=AFTER) for part in growing)


def left_of(parts: Iterable[Part], had: Sequence[Artifact]) -> list[Part]:
    """The parts that are not among the artifacts."""
    names = {(artifact.kind, suffix_of(artifact.name)) for artifact in had}
    return [part for part in parts if (part.kind, part.suffix) not in names]


def suffix_of(name: str) -> str:
    """The end of an artifact's name that tells it from others of its kind."""
    return next((end for end in LONG if name.endswith(end)), PurePosixPath(name).suffix)

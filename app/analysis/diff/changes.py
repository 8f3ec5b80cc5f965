"""Which functions cost more or less than in the base, beyond the noise of sampling. Pure; noise.py has the test."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.analysis.diff.noise import (
    FEWEST,
    HELD,
    PER_SECOND,
    SHARE,
    Part,
    events,
    surprise_at_rate,
    surprise_at_share,
    threshold,
)
from app.analysis.diff.normalize import Normalize, natural
from app.analysis.diff.side import Side, base_of, side_of
from app.analysis.diff.sums import Sum
from app.analysis.profile import Profile
from app.analysis.top import Node

NOTHING = Sum()


@dataclass(frozen=True, slots=True)
class Change:
    """A function that changed. value, base: as they were recorded, in the profile's unit. beyond: the change in units
    of the smallest that counts as one; at least 1."""

    node: Node
    what: str  # "flat" or "cum"
    base: int
    value: int
    beyond: float


class _Test(NamedTuple):
    node: Node
    what: str
    base: Sum
    now: Sum


def changes(base: Profile, profile: Profile, sample_type: str | None = None) -> tuple[Change, ...]:
    """The functions whose flat or cum value changed beyond noise, the surest first; none where the noise is not known.

    sample_type: None means the profile's default, or else its last. Raises BadProfile when the two have no such sample
    type in common.
    """
    now = side_of(profile, sample_type)
    return changed(base_of(base, now), now)


def changed(base: Side, now: Side) -> tuple[Change, ...]:
    """See changes()."""
    if unjudged(base, now):
        return ()
    tests = [test for test in _tests(base, now) if events(test.base, test.now) >= FEWEST]
    least = threshold(len(tests))
    found = [_change(test, _surprise(test, base, now) / least) for test in tests]
    return tuple(sorted((each for each in found if each.beyond >= 1), key=lambda each: (-each.beyond, each.node)))


def unjudged(base: Side, now: Side) -> str:
    """Why no change can be told from noise; "" where it can."""
    if said := now.sums.unjudged or base.sums.unjudged:
        return said
    if natural(base, now) is Normalize.TOTAL:
        return "not both say how long they were recorded, and a value may have added up since the process began"
    return ""


def _tests(base: Side, now: Side) -> Iterator[_Test]:
    yield from _paired("flat", base.sums.flat, now.sums.flat)
    yield from _paired("cum", base.sums.cum, now.sums.cum)


def _paired(what: str, base: Mapping[Node, Sum], now: Mapping[Node, Sum]) -> Iterable[_Test]:
    return (_Test(node, what, base.get(node, NOTHING), now.get(node, NOTHING)) for node in {**base, **now})


def _surprise(test: _Test, base: Side, now: Side) -> float:
    """In standard deviations, without a sign. What adds up in time has to change both per second and in its share: if
    all functions cost twice as much, the load has changed and no function; if one costs more, the shares of all others
    fall."""
    if natural(base, now) is Normalize.NONE:
        return abs(surprise_at_rate(test.base, test.now, 1.0, HELD))
    exposure = (now.duration_seconds or 1.0) / (base.duration_seconds or 1.0)
    rate = surprise_at_rate(test.base, test.now, exposure, PER_SECOND)
    share = surprise_at_share(_part(test.base, base), _part(test.now, now), SHARE)
    return min(abs(rate), abs(share)) if rate * share > 0 else 0.0


def _part(own: Sum, side: Side) -> Part:
    total = side.sums.total
    return Part(own, Sum(max(total.value - own.value, 0), max(total.squares - own.squares, 0.0)))


def _change(test: _Test, beyond: float) -> Change:
    return Change(test.node, test.what, test.base.value, test.now.value, beyond)

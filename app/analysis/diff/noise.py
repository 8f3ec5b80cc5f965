"""Is a difference more than the noise of sampling? docs/differences.md derives the test. Pure.

Sampled events are counted, and counts of a service that does not change vary: by chance, in bursts, and from one
recording to the next.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from app.analysis.diff.sums import Sum

ERROR: Final = 0.01  # the chance that a pair of recordings of an unchanged service names any function at all
FEWEST: Final = 20  # events in both recordings together; with fewer, no difference could be told from noise
CORRECTION: Final = 0.5  # of events: a continuous test of counts


@dataclass(frozen=True, slots=True)
class Noise:
    """bursts: variance ÷ mean of the number of events; drift: its relative standard deviation from recording to
    recording, however many there are."""

    bursts: float
    drift: float


PER_SECOND: Final = Noise(1.5, 0.03)  # of work in time: bursts are short against a recording
SHARE: Final = Noise(2.0, 0.06)  # of a recording: on a busy host some kinds of work are slowed down more than others
HELD: Final = Noise(4.0, 0.1)  # what is there at one moment: one request holds many objects, and lets all go at once


@dataclass(frozen=True, slots=True)
class Part:
    """A function's sum and that of all other samples, in one recording."""

    own: Sum
    rest: Sum


def surprise_at_rate(base: Sum, now: Sum, exposure: float, noise: Noise) -> float:
    """How many standard deviations `now` is above what `base` lets expect; negative: below. exposure: how many times as
    much as the base's is expected, say the ratio of the durations."""
    a, b = _counts(base, now)
    expected = _split(a + b, exposure)
    return _signed((a, b), expected, noise)


def surprise_at_share(base: Part, now: Part, noise: Noise) -> float:
    """The same for the function's share of its recording."""
    own, rest = _counts(base.own, now.own), _counts(base.rest, now.rest)
    whole = base.own.value + base.rest.value
    exposure = (now.own.value + now.rest.value) / whole if whole else 0.0
    if exposure <= 0:
        return 0.0
    expected = (*_split(sum(own), exposure), *_split(sum(rest), exposure))
    return _signed((*own, *rest), expected, noise)


def events(base: Sum, now: Sum) -> float:
    """The sampled events of both together."""
    return sum(_counts(base, now))


def _counts(base: Sum, now: Sum) -> tuple[float, float]:
    """The events of the two, of the weight that they have on average in both together."""
    value, squares = base.value + now.value, base.squares + now.squares
    weight = squares / value if value else 0.0
    return (base.value / weight, now.value / weight) if weight else (0.0, 0.0)


def _split(events: float, exposure: float) -> tuple[float, float]:
    return events / (1 + exposure), events * exposure / (1 + exposure)


def _signed(seen: tuple[float, ...], expected: tuple[float, ...], noise: Noise) -> float:
    """The signed root of the deviance of Poisson counts, corrected for continuity, in units of the noise."""
    off = seen[1] - expected[1]
    if abs(off) <= CORRECTION or min(expected[:2]) <= 0:
        return 0.0
    step = math.copysign(CORRECTION, off)
    nearer = [count + (step if at in (0, 3) else -step) for at, count in enumerate(seen)]
    deviance = 2 * sum(_term(max(count, 0.0), mean) for count, mean in zip(nearer, expected, strict=True))
    information = 1 / sum(1 / mean for mean in expected if mean > 0)
    return math.copysign(math.sqrt(max(deviance, 0.0) / (noise.bursts + noise.drift**2 * information)), off)


def _term(count: float, mean: float) -> float:
    return (count * math.log(count / mean) if count and mean > 0 else 0.0) - count + mean


def threshold(tests: int) -> float:
    """The standard deviations from which on a difference counts, if so many are looked at (Bonferroni)."""
    return -NormalDist().inv_cdf(ERROR / 2 / max(tests, 1))

"""How two things are compared on a machine that is not quiet: in shuffled rounds, by the ratio within each round.

docs/performance.md says why. Called by every group of measurements.
"""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

RESAMPLES = 2000

Variant = Callable[[], float]
Series = Mapping[str, Sequence[float]]


class Unmeasured(Exception):
    """A group that cannot be measured here; says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """`variant` against `reference`: their ratio at most `limit`, or at least."""

    variant: str
    reference: str
    limit: float
    at_least: bool = False

    def met(self, ratio: float) -> bool:
        return ratio >= self.limit if self.at_least else ratio <= self.limit


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median of the paired ratios with a bootstrapped 95 % interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """What was measured: a value of every variant for each round, in `unit`; `reference` is what ratios are to.

    `twin` is `of` once more: how far their ratio is from 1 is how far a ratio here can be trusted.
    """

    title: str
    unit: str
    series: Series
    reference: str
    goals: tuple[Goal, ...]
    of: str
    twin: str
    notes: tuple[str, ...] = field(default=())


def rounds(
    variants: Mapping[str, Variant], count: int, after: Callable[[], None] = lambda: None, *, unkept: int = 1
) -> Series:
    """Runs every variant once a round, in a new order each time; `after` every round. The first `unkept` warm up."""
    order, chance = list(variants), random.Random()  # noqa: S311
    series: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(count + unkept):
        chance.shuffle(order)
        for name in order:
            value = variants[name]()
            if turn >= unkept:
                series[name].append(value)
        after()
    return series


def ratio(series: Series, variant: str, reference: str) -> Ratio:
    paired = [ours / theirs for ours, theirs in zip(series[variant], series[reference], strict=True)]
    chance = random.Random(len(paired))  # noqa: S311 - the same rounds give the same interval
    medians = sorted(statistics.median(chance.choices(paired, k=len(paired))) for _ in range(RESAMPLES))
    return Ratio(statistics.median(paired), medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000])


def p95(values: Sequence[float]) -> float:
    return sorted(values)[round(0.95 * (len(values) - 1))]


def p5(values: Sequence[float]) -> float:
    return sorted(values)[round(0.05 * (len(values) - 1))]

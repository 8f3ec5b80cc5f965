"""The memory of the process while it was recorded, once a second, as the samples of the evidence have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from app.findings import thresholds
from app.findings.words import size


@dataclass(frozen=True, slots=True)
class Resident:
    """grown: bytes from the first sample to the last, in so many seconds; rate: bytes a second, of medians

    steady: whether it grew in both halves; limit: of its control group, None where that has none
    left: bytes that the limit leaves, or the host where there is no limit; None where neither is known
    """

    grown: int
    seconds: float
    rate: float
    steady: bool
    limit: int | None
    left: int | None

    @property
    def grows(self) -> bool:
        """Whether it grew by more than a heap does between two collections."""
        return self.steady and self.grown >= thresholds.RESIDENT

    @property
    def seconds_left(self) -> float | None:
        """Until nothing is left, at this rate; None where it does not grow or nothing is known."""
        return self.left / self.rate if self.grows and self.rate > 0 and self.left is not None else None

    @property
    def soon(self) -> bool:
        """Whether the kernel kills it before somebody has looked."""
        return self.seconds_left is not None and self.seconds_left <= thresholds.SOON

    @property
    def what_is_left(self) -> str:
        """`the limit of 512MB` or `the end of the host's memory`, and when it is reached; "" where it does not grow."""
        if self.seconds_left is None:
            return ""
        until = f"{self.seconds_left:.0f} s" if self.seconds_left < 600 else f"{self.seconds_left / 60:.0f} minutes"
        what = f"the limit of {size(self.limit)}" if self.limit else "the end of the host's memory"
        return f"{what} is reached in {until} at this rate"

    def __str__(self) -> str:
        """A sentence for a detail."""
        if not self.grows:
            return f"The process's resident memory did not grow steadily: {size(self.grown)} in {self.seconds:.0f} s"
        said = f"The process's resident memory grew by {size(self.grown)} in {self.seconds:.0f} s"
        return f"{said}; {self.what_is_left}" if self.what_is_left else said


def resident_in(document: Mapping[str, Any]) -> Resident | None:
    """Of the document of the samples (alertprof/samples/1); None where it has too few."""
    times, sizes = numbers(document.get("seconds")), numbers(document.get("rss_bytes"))
    if len(times) != len(sizes) or len(times) < thresholds.SAMPLED or times[-1] <= times[0]:
        return None
    third = len(times) // 3
    first, middle, last = (median(sizes[at]) for at in (slice(third), slice(third, -third), slice(-third, None)))
    elapsed = median(times[-third:]) - median(times[:third])
    limit, used = document.get("cgroup_memory_limit_bytes"), numbers(document.get("cgroup_memory_bytes"))
    free = numbers(document.get("host_available_bytes"))
    limit = limit if isinstance(limit, int) and used else None
    left = max(limit - used[-1], 0) if limit else free[-1] if free else None
    return Resident(
        grown=round(sizes[-1] - sizes[0]),
        seconds=times[-1] - times[0],
        rate=(last - first) / elapsed if elapsed > 0 else 0.0,
        steady=first < middle < last and min(middle - first, last - middle) >= thresholds.STEADY * (last - first),
        limit=limit,
        left=None if left is None else round(left),
    )


def numbers(column: Any) -> Sequence[float]:
    """A column of the document; nothing where it has a gap."""
    whole = isinstance(column, list) and all(isinstance(each, int | float) for each in column)
    return column if whole else []

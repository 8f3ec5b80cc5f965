"""The samples of one recording: what the gate's verb `samples` tells, as a series of differences. Pure.

The lines are untrusted. A sample that does not have its exact shape, or that goes back in time, is left out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from app.evidence.files import values
from app.evidence.scene import HZ, Json, hundredths, without_gaps

COUNT, SPARSE = r"(\d{1,18})", r"(\d{1,18}|-)"
SAMPLE = re.compile(" ".join([*[COUNT] * 5, *[SPARSE] * 6, COUNT, COUNT, SPARSE]), re.ASCII)
LISTED = re.compile(r"process (\d{1,7}) ([A-Za-z]) (\d{1,15}) (\d{1,15}) (\d{1,15}) (.{0,64})", re.ASCII)
MOST = 4000  # samples
SHOWN = 5  # other processes
ENDS = ("over", "gone", "replaced")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. at: seconds after boot; cpu: seconds of processor time so far; pages; threads; faults: major ones.

    Of the control group, None where it is not told: used (seconds), periods, throttled (periods), throttled_for
    (seconds), memory (bytes), kills. Of the host: idle and all (seconds of all processors), free (bytes)."""

    at: float
    cpu: float
    pages: int
    threads: int
    faults: int
    used: float | None
    periods: int | None
    throttled: int | None
    throttled_for: float | None
    memory: int | None
    kills: int | None
    idle: float
    all: float
    free: int | None


@dataclass(frozen=True, slots=True)
class Other:
    """Another process of the host while the recording ran. cpu_percent: 100 is one processor."""

    pid: int
    name: str
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class Series:
    """All samples of a recording.

    page: bytes; limit: of the group's memory, in bytes; ended: over, gone (the process), replaced (by another program)
    or "" where the sampler was killed; ended_at: seconds after boot; kills: as counted after the end of the process
    others: the busiest first; kernel: lines of the kernel about lack of memory, where the process is gone
    """

    samples: tuple[Sample, ...]
    page: int
    limit: int | None
    ended: str
    ended_at: float | None
    kills: int | None
    others: tuple[Other, ...]
    kernel: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """From the first sample to the last."""
        return self.samples[-1].at - self.samples[0].at if self.samples else 0.0


def series_in(lines: Iterable[str], pid: int) -> Series:
    """The series of these lines. pid: of the process itself, which is none of the others."""
    lines = tuple(lines)
    samples: list[Sample] = []
    for value in values(lines, "sample"):
        sample = sample_in(value)
        if sample and len(samples) < MOST and (not samples or sample.at > samples[-1].at):
            samples.append(sample)
    ended = next((how for how in ENDS if hundredths(lines, how) is not None), "")
    return Series(
        tuple(samples),
        page=(first_number(lines, "page") or 4) << 10,
        limit=first_number(lines, "limit"),
        ended=ended,
        ended_at=hundredths(lines, ended) if ended else None,
        kills=first_number(lines, "killed"),
        others=tuple(others_in(lines, pid)),
        kernel=tuple(dict.fromkeys(value[:400] for value in values(lines, "kernel")))[-20:],  # the newest come last
    )


def sample_in(value: str) -> Sample | None:
    """A sample of its line; None for any other."""
    m = SAMPLE.fullmatch(value)
    if m is None:
        return None
    at, ticks, pages, threads, faults, *rest = m.groups()
    used, periods, throttled, throttled_for, memory, kills, idle, total, free = (
        None if word == "-" else int(word) for word in rest
    )
    return Sample(
        int(at) / 100,
        int(ticks) / HZ,
        int(pages),
        int(threads),
        int(faults),
        None if used is None else used / 1e6,
        periods,
        throttled,
        None if throttled_for is None else throttled_for / 1e9,
        memory,
        kills,
        (idle or 0) / HZ,
        (total or 0) / HZ,
        None if free is None else free << 10,
    )


def first_number(lines: Iterable[str], key: str) -> int | None:
    """The number of the first line `KEY NUMBER`, or None."""
    return next((int(value) for value in values(lines, key) if re.fullmatch(r"\d{1,18}", value, re.ASCII)), None)


def others_in(lines: Iterable[str], pid: int) -> Iterator[Other]:
    """The busiest other processes between the two lists of the sampler; none where there is only one list."""
    lists: list[tuple[float, dict[tuple[str, str], tuple[int, str]]]] = []
    for line in lines:
        if m := re.fullmatch(r"list (\d{1,15})", line, re.ASCII):
            lists.append((int(m[1]) / 100, {}))
        elif lists and (m := LISTED.fullmatch(line)) and int(m[1]) != pid:
            lists[-1][1][m[1], m[5]] = (int(m[3]), m[6])
    if len(lists) < 2 or lists[-1][0] - lists[0][0] < 0.5:
        return
    (begun, before), (ended, after) = lists[0], lists[-1]
    used = {key: ticks - before.get(key, (0, ""))[0] for key, (ticks, _) in after.items()}
    for key in sorted(used, key=lambda key: -used[key])[:SHOWN]:
        yield Other(int(key[0]), after[key][1], round(max(used[key], 0) / HZ / (ended - begun) * 100, 1))


def document_of(series: Series) -> Json:
    """The series as columns, one number a sample; those that are differences begin with the second sample."""
    first = series.samples[0].at if series.samples else 0.0
    steps = list(pairwise(series.samples))
    return without_gaps({
        "seconds": [round(each.at - first, 2) for each in series.samples],
        "cpu_percent": [percent(b.cpu - a.cpu, b.at - a.at) for a, b in steps],
        "rss_bytes": [each.pages * series.page for each in series.samples],
        "threads": [each.threads for each in series.samples],
        "major_faults": [b.faults - a.faults for a, b in steps],
        "throttled_percent": [throttled_percent(a, b) for a, b in steps] if throttles(series) else None,
        "cgroup_memory_bytes": [each.memory for each in series.samples],
        "cgroup_memory_limit_bytes": series.limit,
        "host_cpu_percent": [percent(b.all - a.all - (b.idle - a.idle), b.all - a.all) for a, b in steps],
        "host_available_bytes": [each.free for each in series.samples],
        "others": [{"pid": other.pid, "name": other.name, "cpu_percent": other.cpu_percent} for other in series.others],
        "ended": series.ended or "unknown",
        "ended_after_seconds": None if series.ended_at is None else round(series.ended_at - first, 2),
        "kernel": list(series.kernel),
    })  # fmt: skip


def throttles(series: Series) -> bool:
    """Whether the group's processor time is limited, so that periods are counted."""
    return bool(series.samples) and bool(series.samples[-1].periods)


def throttled_percent(a: Sample, b: Sample) -> float:
    """The percentage of the periods between two samples in which the group had to wait."""
    return percent((b.throttled or 0) - (a.throttled or 0), (b.periods or 0) - (a.periods or 0))


def percent(part: float, whole: float) -> float:
    """A percentage with one digit; 0 of nothing."""
    return round(max(part, 0) / whole * 100, 1) if whole > 0 else 0.0

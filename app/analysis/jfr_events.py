"""What the events of a flight recording measure: sample types and how a value becomes nanoseconds or bytes. For jfr.py.

Names and fields are those of OpenJDK's metadata.xml and of async-profiler's jfrMetadata.cpp.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.analysis.profile import ValueType
from app.analysis.stacks import CPU, SAMPLES

NANOSECONDS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
PERIOD: Final = re.compile(r"(\d{1,9}) ?(ns|us|ms|s|m|h)")
DEFAULT: Final = 10_000_000  # nanoseconds, async-profiler's, where its setting is 0
WALL_DEFAULT: Final = 5 * DEFAULT
CPU_EVENTS: Final = frozenset({"cpu", "itimer", "ctimer"})  # of async-profiler; others count something else than time
RECORDING, SAMPLE = "jdk.ActiveRecording", "jdk.ExecutionSample"  # async-profiler's settings belong to one of these

Settings = Mapping[tuple[str, str], str]  # (type's name, setting) -> value


@dataclass(frozen=True, slots=True)
class Measure:
    """What one event adds to its stack.

    amount: the field to add up; "" for the recording's period
    ticks: the amount is a time in ticks
    count: the field with the number of samples; "" for one
    about: the field with the class that was allocated or waited for: the leaf, as in async-profiler's own outputs
    rival: an event that measures the same; where both are recorded, this one has sample types of its own name
    """

    counted: ValueType
    measured: ValueType
    amount: str = ""
    ticks: bool = False
    count: str = ""
    about: str = ""
    rival: str = ""


def _count(name: str) -> ValueType:
    return ValueType(name, "count")


def _time(name: str) -> ValueType:
    return ValueType(name, "nanoseconds")


ALLOCATED: Final = (_count("alloc_samples"), ValueType("alloc_space", "bytes"))
OUTSIDE: Final = "jdk.ObjectAllocationOutsideTLAB"  # with ...InNewTLAB; the JDK records these or samples, not both
DELAYED: Final = (_count("contentions"), _time("delay"))
# In the order of the sample types; pprof shows the last one first.
MEASURES: Final[Mapping[str, Measure]] = {
    "jdk.MethodTrace": Measure(_count("calls"), _time("call_time"), "duration", ticks=True),
    "profiler.LiveObject": Measure(
        _count("live_samples"), ValueType("live_space", "bytes"), "allocationSize", about="objectClass"
    ),
    "profiler.Malloc": Measure(_count("mallocs"), ValueType("malloc_space", "bytes"), "size"),
    "profiler.NativeLock": Measure(_count("native_contentions"), _time("native_delay"), "duration", ticks=True),
    "jdk.ThreadPark": Measure(_count("parks"), _time("park"), "duration", ticks=True, about="parkedClass"),
    "jdk.JavaMonitorEnter": Measure(*DELAYED, "duration", ticks=True, about="monitorClass"),
    "jdk.ObjectAllocationSample": Measure(*ALLOCATED, "weight", about="objectClass", rival=OUTSIDE),
    OUTSIDE: Measure(*ALLOCATED, "allocationSize", about="objectClass"),
    "jdk.ObjectAllocationInNewTLAB": Measure(*ALLOCATED, "tlabSize", about="objectClass"),
    "jdk.NativeMethodSample": Measure(_count("native_samples"), _time("native")),
    "profiler.WallClockSample": Measure(_count("wall_samples"), _time("wall"), count="samples"),
    "jdk.ExecutionSample": Measure(SAMPLES, CPU, rival="jdk.CPUTimeSample"),
    "jdk.CPUTimeSample": Measure(SAMPLES, CPU, "samplingPeriod", ticks=True),
}


def measures_of(found: Collection[str], settings: Settings) -> dict[str, Measure]:
    """How to measure the events that a recording has, in the order of its sample types."""
    chosen = {}
    for name, each in MEASURES.items():
        if name not in found:
            continue
        counted, measured = each.counted, each.measured
        if each.rival in found:
            own = name.rpartition(".")[2]
            counted, measured = _count(f"{own}s"), ValueType(own, measured.unit)
        elif name == "jdk.ThreadPark" and is_async_profiler(settings):  # it records only waiting for locks
            counted, measured = DELAYED
        elif name == SAMPLE and settings.get((RECORDING, "event")) == "wall":  # before async-profiler 4
            wall = MEASURES["profiler.WallClockSample"]
            counted, measured = wall.counted, wall.measured
        chosen[name] = replace(each, counted=counted, measured=measured)
    return chosen


def is_async_profiler(settings: Settings) -> bool:
    """Whether async-profiler wrote the recording."""
    return (RECORDING, "event") in settings


def period_of(name: str, settings: Settings) -> int | None:
    """The nanoseconds between two samples of the event; None if they are unknown or it does not measure time."""
    if not is_async_profiler(settings):
        found = PERIOD.fullmatch(settings.get((name, "period"), ""))
        return int(found[1]) * NANOSECONDS[found[2]] if found else None
    event = settings[RECORDING, "event"]
    if name == SAMPLE and event in CPU_EVENTS:
        return _interval(settings.get((SAMPLE, "interval"), "0")) or DEFAULT
    if event == "wall" or name != SAMPLE:
        setting = settings.get((SAMPLE, "wall"), settings.get((SAMPLE, "interval"), "0"))
        return _interval(setting) or WALL_DEFAULT
    return None


def _interval(value: str) -> int:
    """Nanoseconds; 0 where it says nothing."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0

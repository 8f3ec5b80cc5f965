"""The events of a `perf script` become sample types. For perf_script.py.

One event gives `samples`, and beside it the sum of the periods where they are told: `cpu` in nanoseconds for a clock,
`cycles` as a count. Several events have one sample type each, since their samples cannot be added up. An event whose
periods are not told, as of tracepoints, counts its samples.
"""

import re
from collections.abc import Sequence
from typing import Final

from app.analysis.perf_lines import Header
from app.analysis.profile import ValueType
from app.analysis.stacks import CPU, SAMPLES, Frame, Stacks

CLOCKS: Final = ("cpu-clock", "task-clock")  # their period is in nanoseconds
# Other events whose samples lie where processor time is spent.
CYCLES: Final = re.compile(r"cycles|instructions|^$")
MODIFIERS: Final = re.compile(r":[ukhGHpPSDIWeb]*$")


class Events:
    """Adds up samples by stack and event."""

    def __init__(self) -> None:
        self.stacks = Stacks(SAMPLES)
        self.timed: dict[str, set[bool]] = {}  # of each event, whether its samples have periods

    def add(self, header: Header, frames: Sequence[Frame]) -> None:
        """Adds a sample; frames: leaf first. Raises BadProfile with the line."""
        event, period = _precise(header.event.decode("utf-8", "replace")), header.period
        self.timed.setdefault(event, set()).add(period is not None)
        self.stacks.add(header.number, frames, {SAMPLES: 1, _counted(event): 1 if period is None else period})

    def finished(self) -> Stacks:
        """The stacks with the sample types of all events."""
        if not self.timed:
            return Stacks(SAMPLES, CPU)
        for event in [event for event, timed in self.timed.items() if len(timed) == 2]:
            self.stacks.leave_out(_counted(event))  # periods and numbers of samples make no sum
        if len(self.timed) > 1:
            self.stacks.leave_out(SAMPLES)
        else:
            self._keep_one_of_two(*self.timed.items())
        self.stacks.rename(self._names())
        return self.stacks

    def _keep_one_of_two(self, only: tuple[str, set[bool]]) -> None:
        """Without periods both sample types of a single event have the same values."""
        event, timed = only
        if timed == {False}:
            takes_time = _bare(event) in CLOCKS or CYCLES.search(event)
            self.stacks.leave_out(_counted(event) if takes_time else SAMPLES)

    def _names(self) -> dict[ValueType, ValueType]:
        """The final names: without modifiers (`cycles` for `cycles:ppp`) where that is no other event's."""
        bare = [_bare(event) for event in self.timed]
        clocks = [event for event, timed in self.timed.items() if _bare(event) in CLOCKS and timed == {True}]
        names = {}
        for event in self.timed:
            short = _bare(event) if bare.count(_bare(event)) == 1 else event
            unit = "nanoseconds" if event in clocks else "count"
            names[_counted(event)] = CPU if [event] == clocks else ValueType(short, unit)
        return names


def _precise(event: str) -> str:
    """The event without the modifier of its precision: perf may fall back to less, and it is the same event."""
    name, colon, modifiers = event.rpartition(":")
    if not colon or not MODIFIERS.fullmatch(f":{modifiers}"):
        return event
    left = modifiers.translate({ord("p"): None, ord("P"): None})
    return f"{name}:{left}" if left else name


def _bare(event: str) -> str:
    return MODIFIERS.sub("", event)


def _counted(event: str) -> ValueType:
    """The sample type of an event while it is read."""
    return ValueType(f"event {event}", "")

"""Reads the lists of buckets out of a process's memory, in three requests where they lie close together.

They are read twice within one request: where the heap's differ, they were being changed, and are read again.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.analysis.goheap.buckets import Bucket, Memory, Profiled, walk
from app.analysis.goheap.counts import Delay, Record, any_published, delays, published
from app.analysis.goheap.layouts import Layout
from app.analysis.goheap.module import Module
from app.analysis.goheap.ranges import Range, Reading, Source, Unreadable, Unsteady, ask
from app.analysis.goheap.variables import Variables
from app.analysis.goheap.windows import find_windows, memory_of

SLOWEST = 1 << 62  # bytes between two samples
FASTEST = 1 << 40  # ticks of a processor's clock in a second
ATTEMPTS = 5
LEAST_TOLD = {Profiled.BLOCK: 1, Profiled.MUTEX: 0}  # contentions, as blockProfileInternal and mutexProfileInternal do
UNMEASURED = (
    "the program has not measured its clock yet, as it does when it sets a block profile rate above 1 or serves such a "
    "profile for the first time"
)
OUTSIDE = "has a profile with addresses outside of its executable's Go code, as a plugin's are: they have no names"

Lists = Mapping[Profiled, list[Bucket]]


@dataclass(frozen=True, slots=True)
class Listed:
    """rate: MemProfileRate; heap: as of one moment; delays: of the kinds that count any; ticks: of the processor's
    clock in a second, 0 if unknown; left_out: why a kind is missing"""

    rate: int
    heap: tuple[Record, ...]
    delays: Mapping[Profiled, tuple[Delay, ...]] = field(default_factory=dict)
    ticks: int = 0
    left_out: Mapping[Profiled, str] = field(default_factory=dict)


def read_lists(variables: Variables, layout: Layout, module: Module) -> Reading[Listed]:
    """What the lists count.

    Raises Unreadable if there is no heap profile or it cannot be believed, Unsteady if it changed each time."""
    answer = yield tuple(_word(at) for at in (variables.rate, variables.ticks, *variables.heads.values()))
    rate, ticks, *found = (struct.unpack("<Q", piece)[0] for piece in answer.pieces)
    heads = {profiled: head for profiled, head in zip(variables.heads, found, strict=True) if head}
    _check(rate, heads)
    left_out = dict[Profiled, str]()
    if not 0 < ticks < FASTEST:
        left_out = {profiled: UNMEASURED for profiled in heads if profiled is not Profiled.HEAP}
        heads = {Profiled.HEAP: heads[Profiled.HEAP]}
    try:
        windows = yield from find_windows(heads, answer.areas, layout)
    except Unreadable as why:
        if len(heads) == 1:
            raise
        left_out = {profiled: f"it {why}" for profiled in heads if profiled is not Profiled.HEAP}
        heads = {Profiled.HEAP: heads[Profiled.HEAP]}
        windows = yield from find_windows(heads, answer.areas, layout)
    heap, waits = yield from _read_steady(_Places(variables, layout, heads, windows, rate))
    if not _in_text((record.stack for record in heap), module):
        raise Unreadable(OUTSIDE)
    for profiled, counted in waits.items():
        if not _in_text((delay.stack for delay in counted), module):
            left_out[profiled] = f"it {OUTSIDE}"
    waits = {profiled: counted for profiled, counted in waits.items() if profiled not in left_out}
    return Listed(rate, heap, waits, ticks, left_out)


def _word(at: int) -> Range:
    return Range(Source.MEM, at, 8)


def _check(rate: int, heads: Mapping[Profiled, int]) -> None:
    if not rate:
        raise Unreadable(
            "keeps no memory profile: MemProfileRate is 0, as it is in a program that uses neither runtime.MemProfile "
            "nor a package that does (runtime/pprof, net/http/pprof)"
        )
    if rate > SLOWEST:
        raise Unreadable("has no number of bytes where its runtime keeps MemProfileRate")
    if Profiled.HEAP not in heads:
        raise Unreadable("has sampled no allocation yet")


Counts = tuple[tuple[Record, ...], Mapping[Profiled, tuple[Delay, ...]]]


class _Places(NamedTuple):
    """What is known before the lists are read. windows: the pieces of memory that hold them; rate: MemProfileRate"""

    variables: Variables
    layout: Layout
    heads: Mapping[Profiled, int]
    windows: tuple[Range, ...]
    rate: int


def _read_steady(places: _Places) -> Reading[Counts]:
    for attempt in range(ATTEMPTS):
        try:
            return (yield from _read_twice(places))
        except Unsteady:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def _read_twice(places: _Places) -> Reading[Counts]:
    """The counts, if the heap's stayed the same between two readings of one request. Raises Unsteady if not."""
    variables, layout, heads, windows, rate = places
    cycle, count = _word(variables.cycle), len(windows)
    *pieces, ended = yield from ask(cycle, *windows, cycle, *windows, cycle, _word(variables.rate))
    if struct.unpack("<Q", ended)[0] != rate:
        raise Unsteady("changes its MemProfileRate while it is read, by which its samples are scaled")
    values = {struct.unpack("<Q", pieces[at])[0] & 0xFFFFFFFF for at in (0, count + 1, 2 * count + 2)}
    if len(values) > 1:
        raise Unsteady("collects its garbage faster than its memory profile can be read")
    readings = [pieces[1 : count + 1], pieces[count + 2 : 2 * count + 2]]
    first, second = (_walked(memory_of(windows, reading), heads, layout) for reading in readings)
    waits = {each: delays(first[each], second[each], least=LEAST_TOLD[each]) for each in heads if each in LEAST_TOLD}
    return _steady(first[Profiled.HEAP], second[Profiled.HEAP], values.pop(), layout.words), waits


def _steady(first: list[Bucket], second: list[Bucket], cycle: int, words: int) -> tuple[Record, ...]:
    records = published(second, cycle, words)
    if any_published((*first, *second), words) and published(first, cycle, words) != records:
        raise Unsteady("changes its memory profile while it is read")
    return tuple(records)


def _walked(memory: Memory, heads: Mapping[Profiled, int], layout: Layout) -> Lists:
    lists = {}
    for profiled, head in heads.items():
        lists[profiled], missing = walk(memory, head, profiled, layout)
        if missing:
            raise Unreadable("has a list of buckets that ends in the middle")
    return lists


def _in_text(stacks: Iterable[tuple[int, ...]], module: Module) -> bool:
    return all(module.text < address <= module.text_end for stack in stacks for address in stack)

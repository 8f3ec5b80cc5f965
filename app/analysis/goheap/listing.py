"""Reads the list of buckets out of a process's memory, in three requests where it lies close together.

The list is read twice within one request: what differs between the two was being changed, and is read again.
"""

import struct
from collections.abc import Iterable
from itertools import accumulate

from app.analysis.goheap.buckets import Bucket, Memory, Record, published, walk
from app.analysis.goheap.layouts import Layout
from app.analysis.goheap.ranges import PAGE, Area, Range, Reading, Source, Unreadable, Unsteady, ask
from app.analysis.goheap.variables import Variables

LIST_AT_MOST = 8 << 20  # bytes of memory that hold the list
WINDOWS_AT_MOST = 12  # pieces of memory that hold the list; they are asked for twice in one request
BEFORE, BEHIND = 768 << 10, 64 << 10  # bytes around an address; the runtime allots 256 KiB at once, upwards
LEAST, MOST, CHANCED = 192 << 10, 2 << 20, 4 << 20  # bytes of a mapping, and of all, that are read on the chance
SLOWEST = 1 << 62  # bytes between two samples
ATTEMPTS = 5


def read_list(variables: Variables, layout: Layout) -> Reading[tuple[int, list[Record]]]:
    """MemProfileRate, and the records as of one moment.

    Raises Unreadable if there are none or they cannot be believed, Unsteady if they changed each time."""
    words = tuple(_word(at) for at in (variables.rate, variables.buckets))
    answer = yield words
    rate, head = (struct.unpack("<Q", piece)[0] for piece in answer.pieces)
    if not rate:
        raise Unreadable(
            "keeps no memory profile: MemProfileRate is 0, as it is in a program that uses neither runtime.MemProfile "
            "nor a package that does (runtime/pprof, net/http/pprof)"
        )
    if rate > SLOWEST:
        raise Unreadable("has no number of bytes where its runtime keeps MemProfileRate")
    if not head:
        raise Unreadable("has sampled no allocation yet")
    windows = yield from _find_windows(head, answer.areas, layout)
    for attempt in range(ATTEMPTS):
        try:
            records = yield from _read_twice(variables, windows, head, layout)
        except Unsteady:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            _check_stacks(records, answer.areas)
            return rate, records
    raise AssertionError


def _word(at: int) -> Range:
    return Range(Source.MEM, at, 8)


def _find_windows(head: int, areas: tuple[Area, ...], layout: Layout) -> Reading[tuple[Range, ...]]:
    """The pieces of memory that hold the list from its head to its end."""
    windows = _merged((_window(head, areas), *_likely(head, areas)))
    while True:
        pieces = yield from ask(*windows)
        memory = _memory(windows, pieces)
        _, missing = walk(memory, head, layout)
        if not missing:
            return _merged(_paged(start, limit) for start, limit in memory.used.values())
        grown = _merged((*windows, _window(missing, areas)))
        if grown == windows:
            raise Unreadable("has a list of buckets that ends in the middle")
        windows = grown
        if len(windows) > WINDOWS_AT_MOST or sum(window.size for window in windows) > LIST_AT_MOST:
            raise Unreadable(f"has a memory profile that is spread over more than {LIST_AT_MOST >> 20} MiB")


def _window(at: int, areas: tuple[Area, ...]) -> Range:
    """Memory around a bucket. The runtime keeps these in memory of no file that it may write."""
    for area in areas:
        if area.start <= at < area.limit and area.permissions.startswith("rw-p") and not area.inode:
            return _paged(max(area.start, at - BEFORE), min(area.limit, at + BEHIND))
    raise Unreadable("has no list of buckets where its runtime keeps one")


def _paged(start: int, limit: int) -> Range:
    """The whole pages that hold these bytes."""
    start, limit = start - start % PAGE, limit + -limit % PAGE
    return Range(Source.MEM, start, limit - start)


def _likely(head: int, areas: tuple[Area, ...]) -> list[Range]:
    """The mappings that the runtime's own data often lies in, nearest first: of no file, larger than a heap of glibc
    that holds nothing, and smaller than a thread's stack or the program's heap."""
    anonymous = (area for area in areas if area.permissions == "rw-p" and not area.inode)
    found = [Range(Source.MEM, area.start, area.limit - area.start) for area in anonymous]
    near = sorted((each for each in found if LEAST <= each.size <= MOST), key=lambda each: abs(each.start - head))
    return [each for each, whole in zip(near, accumulate(each.size for each in near), strict=True) if whole <= CHANCED]


def _merged(windows: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for window in sorted(windows, key=lambda each: each.start):
        last = merged[-1] if merged else None
        if last and window.start <= last.start + last.size:
            limit = max(last.start + last.size, window.start + window.size)
            merged[-1] = Range(Source.MEM, last.start, limit - last.start)
        else:
            merged.append(window)
    return tuple(merged)


def _memory(windows: tuple[Range, ...], pieces: Iterable[bytes]) -> Memory:
    return Memory([(window.start, piece) for window, piece in zip(windows, pieces, strict=True)])


def _read_twice(variables: Variables, windows: tuple[Range, ...], head: int, layout: Layout) -> Reading[list[Record]]:
    """The records, if they stayed the same between two readings of one request. Raises Unsteady if not."""
    cycle, count = _word(variables.cycle), len(windows)
    pieces = yield from ask(cycle, *windows, cycle, *windows, cycle)
    values = {struct.unpack("<Q", pieces[at])[0] & 0xFFFFFFFF for at in (0, count + 1, 2 * count + 2)}
    if len(values) > 1:
        raise Unsteady("collects its garbage faster than its memory profile can be read")
    readings = [pieces[1 : count + 1], pieces[count + 2 : 2 * count + 2]]
    first, second = (_walked(_memory(windows, reading), head, layout) for reading in readings)
    (value,) = values
    records = published(second, value)
    unpublished = not any(any(bucket.active) for bucket in (*first, *second))
    if not unpublished and published(first, value) != records:
        raise Unsteady("changes its memory profile while it is read")
    return records


def _walked(memory: Memory, head: int, layout: Layout) -> list[Bucket]:
    found, missing = walk(memory, head, layout)
    if missing:
        raise Unreadable("has a list of buckets that ends in the middle")
    return found


def _check_stacks(records: Iterable[Record], areas: tuple[Area, ...]) -> None:
    """Raises Unreadable for a return address that is in no code."""
    code = [area for area in areas if "x" in area.permissions]
    addresses = {address for record in records for address in record.stack}
    if not all(any(area.start < address <= area.limit for area in code) for address in addresses):
        raise Unreadable("has a memory profile with addresses outside of its code")

"""Which pieces of a process's memory hold the lists of buckets.

The runtime allots them in memory of its own, where they lie close together: so the first guess mostly holds.
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate

from app.analysis.goheap.buckets import Memory, Profiled, walk
from app.analysis.goheap.layouts import Layout
from app.analysis.goheap.ranges import PAGE, Area, Range, Reading, Source, Unreadable, ask

LIST_AT_MOST = 8 << 20  # bytes of memory that hold the lists
WINDOWS_AT_MOST = 12  # pieces of memory that hold the lists; they are asked for twice in one request
BEFORE, BEHIND = 768 << 10, 64 << 10  # bytes around an address; the runtime allots 256 KiB at once, upwards
LEAST, MOST, CHANCED = 192 << 10, 2 << 20, 4 << 20  # bytes of a mapping, and of all, that are read on the chance


def find_windows(heads: Mapping[Profiled, int], areas: tuple[Area, ...], layout: Layout) -> Reading[tuple[Range, ...]]:
    """The pieces of memory that hold the lists from their heads to their ends.

    Raises Unreadable for what is no list, and for lists that lie too far from each other."""
    windows = _merged((*(_window(at, areas) for at in heads.values()), *_likely(heads[Profiled.HEAP], areas)))
    while True:
        pieces = yield from ask(*windows)
        memory = memory_of(windows, pieces)
        missing = [walk(memory, head, profiled, layout)[1] for profiled, head in heads.items()]
        if not any(missing):
            return _merged(_paged(start, limit) for start, limit in memory.used.values())
        grown = _merged((*windows, *(_window(at, areas) for at in missing if at)))
        if grown == windows:
            raise Unreadable("has a list of buckets that ends in the middle")
        windows = grown
        if len(windows) > WINDOWS_AT_MOST or sum(window.size for window in windows) > LIST_AT_MOST:
            raise Unreadable(f"has a memory profile that is spread over more than {LIST_AT_MOST >> 20} MiB")


def memory_of(windows: tuple[Range, ...], pieces: Iterable[bytes]) -> Memory:
    """The memory in these windows. pieces: their bytes"""
    return Memory([(window.start, piece) for window, piece in zip(windows, pieces, strict=True)])


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

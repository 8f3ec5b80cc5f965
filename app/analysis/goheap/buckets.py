"""The buckets of a profile that the runtime keeps: a linked list in memory that it never shrinks and never frees.

A bucket's stack, size and hash never change once it is in the list, and the hash is of the other two: so each bucket
proves itself. Its counts change while the program runs. Source: runtime/mprof.go.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from app.analysis.goheap.layouts import CYCLES, Layout
from app.analysis.goheap.ranges import Unreadable

BUCKETS_AT_MOST = 1 << 17
DEEPEST = 1024 + 2  # program counters of a stack
HEADER = struct.Struct("<6Q")  # next, allnext, typ, hash, size, nstk
LARGEST = 1 << 47  # of a size in bytes, and of a count
MASK = (1 << 64) - 1


class Profiled(IntEnum):
    """A bucket's type: what its list counts."""

    HEAP = 1
    BLOCK = 2
    MUTEX = 3


class Memory:
    """Pieces of a process's memory, by their addresses.

    used: for each piece that numbers were taken from, the addresses between which these lie"""

    def __init__(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        self._pieces = pieces
        self.used: dict[int, tuple[int, int]] = {}

    def words(self, at: int, count: int) -> tuple[int, ...] | None:
        """The numbers of 64 bits at an address; None if they were not read."""
        limit = at + 8 * count
        for start, data in self._pieces:
            if start <= at and limit <= start + len(data):
                first, last = self.used.get(start, (at, limit))
                self.used[start] = min(first, at), max(last, limit)
                return struct.unpack_from(f"<{count}Q", data, at - start)
        return None


@dataclass(frozen=True, slots=True)
class Bucket:
    """size: of each object, in bytes, 0 where no objects are counted; stack: return addresses, leaf first; counts: the
    words behind them, which change."""

    size: int
    stack: tuple[int, ...]
    counts: tuple[int, ...]


def walk(memory: Memory, head: int, profiled: Profiled, layout: Layout) -> tuple[list[Bucket], int]:
    """The buckets from `head` on, as far as they were read, and the address of the first that was not; 0 at the end.

    Raises Unreadable for what is no list of such buckets."""
    words = layout.words * (1 + CYCLES) if profiled is Profiled.HEAP else 2
    found: list[Bucket] = []
    seen = set[int]()
    while head:
        if head in seen or len(seen) >= BUCKETS_AT_MOST or head % 8:
            raise Unreadable("has a list of buckets without end")
        seen.add(head)
        header = memory.words(head, 6)
        if header is None:
            break
        _, following, type_, hashed, size, depth = header
        if type_ != profiled or depth > DEEPEST or size > LARGEST:
            raise Unreadable("has no list of buckets where its runtime keeps one")
        body = memory.words(head + HEADER.size, depth + words)
        if body is None:
            break
        if hash_of(body[:depth], size) != hashed:
            raise Unreadable("has a bucket whose hash is not of its stack")
        found.append(Bucket(size, body[:depth], body[depth:]))
        head = following
    return found, head


def hash_of(stack: Sequence[int], size: int) -> int:
    """As stkbucket computes it."""
    hashed = 0
    for word in (*stack, size):
        hashed = (hashed + word) & MASK
        hashed = (hashed + (hashed << 10)) & MASK
        hashed ^= hashed >> 6
    hashed = (hashed + (hashed << 3)) & MASK
    return hashed ^ hashed >> 11

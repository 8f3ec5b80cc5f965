"""The buckets of the memory profile: a linked list in memory that the runtime never shrinks and never frees.

A bucket's stack, size and hash never change once it is in the list, and the hash is of the other two: so each bucket
proves itself. Its counts change while the program runs. Source: runtime/mprof.go.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from app.analysis.goheap.layouts import Layout
from app.analysis.goheap.ranges import Unreadable, Unsteady

BUCKETS_AT_MOST = 1 << 17
DEEPEST = 1024 + 2  # program counters of a stack
MEMORY_PROFILE = 1  # a bucket's type
HEADER = struct.Struct("<6Q")  # next, allnext, typ, hash, size, nstk
LARGEST = 1 << 47  # of a size in bytes, and of a count
MASK = (1 << 64) - 1
CYCLES = 3  # that are kept until they are published


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
    """size: of each object, in bytes; stack: return addresses, leaf first; active: the published counts; future: those
    of the three cycles that are not yet published. Counts are (allocations, frees)."""

    size: int
    stack: tuple[int, ...]
    active: tuple[int, ...]
    future: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What the runtime publishes of one stack and size: how many objects were sampled, and how many of them freed."""

    size: int
    stack: tuple[int, ...]
    allocations: int
    frees: int


def walk(memory: Memory, head: int, layout: Layout) -> tuple[list[Bucket], int]:
    """The buckets from `head` on, as far as they were read, and the address of the first that was not; 0 at the end.

    Raises Unreadable for what is no list of buckets."""
    found: list[Bucket] = []
    seen = set[int]()
    while head:
        if head in seen or len(seen) >= BUCKETS_AT_MOST or head % 8:
            raise Unreadable("has a list of buckets without end")
        seen.add(head)
        header = memory.words(head, 6)
        if header is None:
            break
        _, following, kind, hashed, size, depth = header
        if kind != MEMORY_PROFILE or depth > DEEPEST or size > LARGEST:
            raise Unreadable("has no list of buckets where its runtime keeps one")
        body = memory.words(head + HEADER.size, depth + layout.words * (1 + CYCLES))
        if body is None:
            break
        stack = body[:depth]
        if hash_of(stack, size) != hashed:
            raise Unreadable("has a bucket whose hash is not of its stack")
        cycles = [body[at : at + layout.words] for at in range(depth, len(body), layout.words)]
        found.append(Bucket(size, stack, cycles[0], tuple(cycles[1:])))
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


def published(buckets: Sequence[Bucket], cycle: int) -> list[Record]:
    """What the runtime would publish now: it adds the counts of the cycle that has just ended, and those of all cycles
    if none was ever published. cycle: mProfCycle's value; its lowest bit says whether that cycle was added already.

    Raises Unsteady for counts that are no counts: a bucket that was read while it changed."""
    ended = (cycle >> 1) % CYCLES
    added = [_sum(bucket.active, bucket.future[ended]) for bucket in buckets]
    if not any(map(any, added)):
        added = [_sum(bucket.active, *bucket.future) for bucket in buckets]
    return [_record(bucket, counts) for bucket, counts in zip(buckets, added, strict=True)]


def _sum(*cycles: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sum(each) & MASK for each in zip(*cycles, strict=True))


def _record(bucket: Bucket, counts: tuple[int, ...]) -> Record:
    allocations, frees, *in_bytes = counts
    fits = not in_bytes or in_bytes == [allocations * bucket.size, frees * bucket.size]
    if not frees <= allocations < LARGEST or not fits:
        raise Unsteady("changes its memory profile while it is read")
    return Record(bucket.size, bucket.stack, allocations, frees)

"""What the runtime publishes of its buckets' counts. Source: runtime/mprof.go."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from app.analysis.goheap.buckets import LARGEST, MASK, Bucket
from app.analysis.goheap.layouts import CYCLES
from app.analysis.goheap.ranges import Unsteady

SENTINEL = MASK  # logicalStackSentinel of runtime/tracestack.go, ahead of the stacks of the runtime's own locks


@dataclass(frozen=True, slots=True)
class Record:
    """Of one stack and size: how many objects were sampled, and how many of them freed."""

    size: int
    stack: tuple[int, ...]
    allocations: int
    frees: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Of one stack: how often it was waited there, and for how many ticks of the processor's clock."""

    stack: tuple[int, ...]
    contentions: int
    ticks: int


def published(buckets: Sequence[Bucket], cycle: int, words: int) -> list[Record]:
    """What the runtime would publish of the heap now: it adds the counts of the cycle that has just ended, and those of
    all cycles if none was ever published.

    cycle: mProfCycle's value; its lowest bit says whether that cycle was added already. words: Layout's. Raises
    Unsteady for counts that are no counts: a bucket that was read while it changed."""
    ended = (cycle >> 1) % CYCLES
    split = [[each.counts[at : at + words] for at in range(0, len(each.counts), words)] for each in buckets]
    added = [_sum(active, future[ended]) for active, *future in split]
    if not any(map(any, added)):
        added = [_sum(*cycles) for cycles in split]
    return [_record(bucket, counts) for bucket, counts in zip(buckets, added, strict=True)]


def delays(before: Sequence[Bucket], buckets: Sequence[Bucket], *, least: int) -> tuple[Delay, ...]:
    """What the runtime would publish of buckets that count delays. before: the same, read a moment earlier; least: the
    fewest contentions that it says, whatever it has counted.

    A bucket may be read just between its two counts: then the time of one event is missing. Raises Unsteady for counts
    that cannot be."""
    counted = []
    for earlier, later in zip(before, buckets, strict=True):
        (count, ticks), (first_count, first_ticks) = _delay(later), _delay(earlier)
        if not (0 <= first_count <= count < LARGEST and 0 <= first_ticks <= ticks):
            raise Unsteady("has a profile of delays that changes while it is read")
        stack = later.stack[1:] if later.stack[:1] == (SENTINEL,) else later.stack
        counted.append(Delay(stack, max(int(count), least), ticks))
    return tuple(counted)


def any_published(buckets: Sequence[Bucket], words: int) -> bool:
    """Whether the runtime has ever published counts of the heap."""
    return any(any(bucket.counts[:words]) for bucket in buckets)


def _delay(bucket: Bucket) -> tuple[float, int]:
    count, ticks = struct.unpack("<dq", struct.pack("<2Q", *bucket.counts))
    return (count if math.isfinite(count) else -1), ticks


def _sum(*cycles: Sequence[int]) -> tuple[int, ...]:
    return tuple(sum(each) & MASK for each in zip(*cycles, strict=True))


def _record(bucket: Bucket, counts: tuple[int, ...]) -> Record:
    allocations, frees, *in_bytes = counts
    fits = not in_bytes or in_bytes == [allocations * bucket.size, frees * bucket.size]
    if not frees <= allocations < LARGEST or not fits:
        raise Unsteady("changes its memory profile while it is read")
    return Record(bucket.size, bucket.stack, allocations, frees)

"""Which of some addresses lie in some ranges, however many of those there are."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

Span = tuple[int, int]  # from, up to


def within(spans: Iterable[Span], addresses: Sequence[int]) -> list[int]:
    """Those of the addresses, which are in order, that are in one of the ranges; in order."""
    found, at = list[int](), 0
    for first, limit in sorted({(bisect_left(addresses, low), bisect_left(addresses, high)) for low, high in spans}):
        if limit > at:
            found += addresses[max(first, at) : limit]
            at = limit
    return found

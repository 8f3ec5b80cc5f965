"""A file that lies elsewhere, as bytes: asked for in blocks, when they are needed and never twice."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from app.analysis.goheap.ranges import Range, Source, Unreadable

BLOCK: Final = 1 << 14
MOST_RANGES: Final = 64  # of one request
MOST_AT_ONCE: Final = 1 << 25  # bytes of one request
MOST: Final = 64 << 20  # bytes of a file

Fetch = Callable[[Sequence[Range]], Sequence[bytes]]
Run = tuple[int, int]  # offset in the file, bytes


class File:
    """fetch: brings ranges of the file, zeros for what is not there"""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._blocks: dict[int, bytes] = {}

    def want(self, runs: Iterable[Run]) -> None:
        """Brings what is needed of these runs, in few requests. Raises Unreadable for more than MOST bytes in all."""
        needed = {at for start, size in runs for at in range(start // BLOCK, -(-(start + size) // BLOCK))}
        missing = sorted(needed - self._blocks.keys())
        if (len(missing) + len(self._blocks)) * BLOCK > MOST:
            raise Unreadable(f"has more than {MOST >> 20} MiB of debugging information for these places")
        batch: list[Range] = []
        for first, count in _together(missing):
            batch.append(Range(Source.EXE, first * BLOCK, count * BLOCK))
            if len(batch) == MOST_RANGES or sum(each.size for each in batch) >= MOST_AT_ONCE:
                self._bring(batch)
                batch = []
        self._bring(batch)

    def bytes(self, start: int, size: int) -> bytes:
        """These bytes of the file."""
        if size <= 0:
            return b""
        self.want([(start, size)])
        first = start // BLOCK
        joined = b"".join(self._blocks[at] for at in range(first, -(-(start + size) // BLOCK)))
        return joined[start - first * BLOCK :][:size]

    def _bring(self, ranges: Sequence[Range]) -> None:
        for each, piece in zip(ranges, self._fetch(ranges) if ranges else (), strict=True):
            for at in range(0, each.size, BLOCK):
                self._blocks[(each.start + at) // BLOCK] = piece[at : at + BLOCK].ljust(BLOCK, b"\0")


def _together(blocks: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Runs of neighbours among these blocks, which are in order: the first, and how many."""
    first, count = 0, 0
    for block in blocks:
        if count and block == first + count and count * BLOCK < MOST_AT_ONCE:
            count += 1
            continue
        if count:
            yield first, count
        first, count = block, 1
    if count:
        yield first, count

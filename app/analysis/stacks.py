"""Collects stacks that were read from text, and writes them as a pprof file. For folded.py and perf_script.py.

It also reads lines of untrusted text with their numbers, within bounds.
"""

import gzip
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, TypeVar

from app.analysis.profile import LIMIT, BadProfile
from app.analysis.schema import ProfileMessage

LONGEST_LINE: Final = 1 << 20  # bytes
DEEPEST: Final = 1024  # frames
MOST_NAMES: Final = 1 << 18  # these bounds count distinct items, and keep the process within its memory
MOST_LETTERS: Final = 32 << 20  # of all names together, in bytes
MOST_STACKS: Final = 1 << 19
MOST_FRAMES: Final = 1 << 23  # of all stacks together
MOST: Final = (1 << 63) - 1  # of an int64
LEFT_OUT: Final = b"(frames left out)"
NAMELESS: Final = b"[unknown]"

T = TypeVar("T")


def numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Every line without its newline, and its number from 1. Raises BadProfile for a line that is cut or too long."""
    number, size = 0, 0
    while line := file.readline(LONGEST_LINE):
        number, size = number + 1, size + len(line)
        if size > LIMIT:
            raise BadProfile(f"more than {LIMIT} bytes, which is the limit")
        if not line.endswith(b"\n"):
            raise bad_line(number, "longer than any stack" if len(line) == LONGEST_LINE else "cut: it has no end")
        yield number, line[:-1]


def bad_line(number: int, why: str) -> BadProfile:
    """The error about this line."""
    return BadProfile(f"line {number} is {why}")


class Stacks:
    """Adds up samples by stack. Their time counts only if it is known for every sample."""

    def __init__(self) -> None:
        self._ids: dict[bytes, int] = {}
        self._sums: dict[tuple[int, ...], list[int]] = {}  # samples, nanoseconds
        self._total = [0, 0]
        self._named, self._letters, self._frames, self._timed = 0, 0, 0, True

    def add(self, number: int, frames: Sequence[bytes], samples: int, nanoseconds: int | None) -> None:
        """Adds samples of one stack. number: of the line; frames: leaf first, of very deep stacks the middle is left
        out. Raises BadProfile with the line."""
        stack = tuple(map(self._id, shortened(frames, DEEPEST, LEFT_OUT)))
        sums = self._sums.get(stack)
        if sums is None:
            sums = self._sums[stack] = [0, 0]
            self._frames += len(stack)
        self._timed = self._timed and nanoseconds is not None
        for both in (sums, self._total):
            both[0] += samples
            both[1] += nanoseconds or 0
        self._check(number)

    def _id(self, name: bytes) -> int:
        id = self._ids.setdefault(name or NAMELESS, len(self._ids) + 1)
        if id > self._named:
            self._named, self._letters = id, self._letters + len(name)
        return id

    def _check(self, number: int) -> None:
        for found, most, what in (
            (self._named, MOST_NAMES, "names"),
            (self._letters, MOST_LETTERS, "bytes of names"),
            (len(self._sums), MOST_STACKS, "different stacks"),
            (self._frames, MOST_FRAMES, "frames in different stacks"),
        ):
            if found > most:
                raise bad_line(number, f"one too many: there are more than {most} {what}")
        if max(self._total) > MOST:
            raise bad_line(number, "one too many: the sum is no number of 64 bits")

    def data(self, seconds: float | None) -> bytes:
        """The file, as gzipped pprof with samples/count and, if known, cpu/nanoseconds. seconds: of the recording.

        Functions have only `name`, because pprof takes a `system_name` for mangled C++.
        """
        message: Any = ProfileMessage()
        message.string_table.extend((b"", b"samples", b"count", b"cpu", b"nanoseconds"))
        message.sample_type.add(type=1, unit=2)
        if self._timed:
            message.sample_type.add(type=3, unit=4)
            message.period_type.MergeFrom(message.sample_type[1])
            message.period = self._total[1] // self._total[0] if self._total[0] else 0
        message.duration_nanos = round((seconds or 0) * 1e9)
        # One mapping with symbols: otherwise pprof would look for a binary.
        message.mapping.add(id=1, has_functions=True, has_filenames=True, has_line_numbers=True)
        for name, id in self._ids.items():
            message.function.add(id=id, name=len(message.string_table))
            message.string_table.append(name.decode("utf-8", "replace").encode())
            message.location.add(id=id, mapping_id=1).line.add(function_id=id)
        for stack, sums in self._sums.items():
            message.sample.add(location_id=stack, value=sums if self._timed else sums[:1])
        return gzip.compress(message.SerializeToString(), compresslevel=6, mtime=0)


def shortened(stack: Sequence[T], most: int, mark: T) -> Sequence[T]:
    """`stack` if it has at most `most` frames, otherwise both its ends with `mark` in the place of the middle."""
    if len(stack) <= most:
        return stack
    leaf = most // 2
    return (*stack[:leaf], mark, *stack[len(stack) - (most - leaf - 1) :])

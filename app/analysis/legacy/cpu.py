"""The binary CPU profile of gperftools, and its Java twin: words of 32 or 64 bits in either byte order.

The header is 0, 3, 0 (C++) or 1 (Java), the period in microseconds, 0. Then come samples: count, depth, addresses, leaf
first; 0, 1, 0 ends them. The text of /proc/self/maps follows, or Java's names. As parseCPU in profile/legacy_profile.go
of github.com/google/pprof reads it.
"""

from collections import Counter
from collections.abc import Sequence
from struct import Struct, error
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, before, lines_of
from app.analysis.legacy.java import read_names
from app.analysis.legacy.mappings import read_mappings

WORDS: Final = ("<I", ">I", "<Q", ">Q")
SAMPLE_TYPES: Final = (("samples", "count"), ("cpu", "nanoseconds"))
SIMILAR: Final = 32  # one sample in so many may lack the signal handler's frame
HANDLER_FRAMES: Final = 2

Sample = tuple[int, list[int]]  # count; addresses, leaf first


def read_cpu(data: bytes) -> Builder | None:
    """None for data that does not begin like such a profile. Raises Malformed for one that is cut or broken."""
    for word in WORDS:
        header = Struct(f"{word[0]}5{word[1]}")
        if len(data) < header.size:
            return None
        zero, three, java, period, padding = header.unpack_from(data)
        if (zero, three, padding) == (0, 3, 0) and java in (0, 1) and period:
            return _profile(data, header.size, word, period=period * 1000, java=java == 1)
    return None


def _profile(data: bytes, at: int, word: str, *, period: int, java: bool) -> Builder:
    samples, end = _samples(data, at, word)
    made = Builder(*SAMPLE_TYPES, period=period)
    stacks = [stack if java else stack[:1] + [before(address) for address in stack[1:]] for _, stack in samples]
    if not java:
        for _ in range(HANDLER_FRAMES):
            _without_handler(stacks)
    for (count, _), stack in zip(samples, stacks, strict=True):
        twice = not java and len(stack) > 1 and before(stack[0]) == stack[1]  # the leaf, also found as a caller
        made.add([stack[0], *stack[2:]] if twice else stack, count, count * period)
    rest = data[end:]
    if java:
        made.names = read_names(lines_of(rest))
    else:
        made.mappings = read_mappings(lines_of(rest))
    return made


def _samples(data: bytes, at: int, word: str) -> tuple[list[Sample], int]:
    """The samples, and where they end. A profile may end without the mark."""
    found: list[Sample] = []
    head = Struct(word[0] + 2 * word[1])
    while at < len(data):
        try:
            count, depth = head.unpack_from(data, at)
            at += head.size
            stack = Struct(f"{word[0]}{min(depth, len(data))}{word[1]}")
            addresses = list(stack.unpack_from(data, at))
        except error:
            raise Malformed("a CPU profile of gperftools that is cut: it ends in the middle of a sample") from None
        at += stack.size
        if (count, addresses) == (0, [0]):
            break
        found.append((count, addresses))
    return found, at


def _without_handler(stacks: Sequence[list[int]]) -> None:
    """Removes the second frame of every sample if nearly all have the same: it is that of the signal's handler."""
    seconds = Counter(stack[1] for stack in stacks if len(stack) > 1)
    for second, count in seconds.items():
        if count >= len(stacks) - len(stacks) // SIMILAR:
            for stack in stacks:
                if len(stack) > 1 and stack[1] == second:
                    del stack[1]
            return

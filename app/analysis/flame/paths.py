"""Every path of a profile and what was sampled on it, so that any part of its call tree is found without making it.

A function is a letter, and a path is a text: callers first. The texts are sorted, so what a function called on one
path lies side by side. It ends where a path has fewer letters in common with the one before it, and the sums before
each path say what it cost. A tree of a million nodes is made of far fewer paths. index.py makes them of a profile,
view.py finds in them what can be seen.
"""

import json
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from app.analysis.wire import BadProfile

END: Final = "\0"  # between two paths; no function has this letter
SIZES: Final = 24  # bytes at the beginning of a file: the sizes of its first three parts
DEPTH_BITS: Final = 8  # of an id; a path has at most tree.DEEPEST functions


class About(NamedTuple):
    """What is known of the profile and the chosen sample type; as in tree.Tree. total: what is 100 %."""

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    duration_seconds: float | None
    total: int


class Span(NamedTuple):
    """A function on one path: the paths that begin with the same `depth` letters, from `begin` up to but not including
    `end`."""

    begin: int
    end: int
    depth: int

    @property
    def id(self) -> int:
        """A number that names it for as long as the file lives; 0 is the root."""
        return self.begin << DEPTH_BITS | self.depth


@dataclass(frozen=True, slots=True)
class Paths:
    """texts: sorted, each once; sums: what was sampled on all paths before each, and in the end on all; shared: how
    many first letters each path has in common with the one before it; names: of the letters, by their number."""

    about: About
    texts: Sequence[str]
    sums: Sequence[int]
    shared: bytes
    names: Sequence[str]

    @property
    def root(self) -> Span:
        return Span(0, len(self.texts), 0)

    def span(self, id: int) -> Span:
        """The function with this id; the root for an id that there is not."""
        begin, depth = id >> DEPTH_BITS, id & ((1 << DEPTH_BITS) - 1)
        if not (0 <= begin < len(self.texts) and 0 < depth <= len(self.texts[begin])):
            return self.root
        *_, found = self.leading_to(begin, depth)
        return found

    def leading_to(self, at: int, depth: int) -> Iterator[Span]:
        """The root, and the first `depth` functions on the path `at`, callers first."""
        span = self.root
        yield span
        for _ in range(depth):
            span = self.called(span, at, span.begin)
            yield span

    def called(self, span: Span, at: int, since: int) -> Span:
        """The function that this one called on the path `at`. since: where that or an earlier call of it begins."""
        begin = max(self.shared.rfind(span.depth, since + 1, at + 1), since)
        end = self.shared.find(span.depth, at + 1, span.end)
        return Span(begin, span.end if end < 0 else end, span.depth + 1)

    def name(self, span: Span) -> str:
        """The function's name; "root" of the root."""
        return self.names[ord(self.texts[span.begin][span.depth - 1])] if span.depth else "root"

    def value(self, span: Span) -> int:
        """With everything it called."""
        return self.sums[span.end] - self.sums[span.begin]

    def own(self, span: Span) -> int:
        """Without what it called: a path that ends with it is the first of those that begin with it."""
        ends = span.begin < span.end and len(self.texts[span.begin]) == span.depth
        return self.sums[span.begin + 1] - self.sums[span.begin] if ends else 0


def gathered(about: About, values: Mapping[str, int], names: Sequence[str]) -> Paths:
    """The paths. values: of each path."""
    texts = sorted(values)
    shared = bytes(_in_common(one, other) for one, other in pairwise(["", *texts]))
    return Paths(about, texts, [0, *accumulate(map(values.__getitem__, texts))], shared, names)


def _in_common(one: str, other: str) -> int:
    """The number of first letters."""
    count = 0
    for letter, same in zip(one, other, strict=False):
        if letter != same:
            break
        count += 1
    return count


def packed(paths: Paths) -> bytes:
    """The paths as a file. Raises BadProfile for sums that are too large for it."""
    head = json.dumps([paths.about, paths.names]).encode()
    try:
        sums = array("q", paths.sums).tobytes()
    except OverflowError as error:
        raise BadProfile("its values add up to more than a number of 64 bits can hold") from error
    texts = END.join(paths.texts).encode("utf-8", "surrogatepass")
    sizes = array("q", [len(head), len(sums), len(paths.shared)]).tobytes()
    return zlib.compress(b"".join((sizes, head, sums, paths.shared, texts)), 1)


def unpacked(file: bytes) -> Paths:
    """The paths of a file that `packed` made."""
    plain = zlib.decompress(file)
    sizes, sums = array("q"), array("q")
    sizes.frombytes(plain[:SIZES])
    _, first, second, third = accumulate(sizes, initial=SIZES)
    (kind, sample_type, sample_types, unit, seconds, total), names = json.loads(plain[SIZES:first])
    sums.frombytes(plain[first:second])
    texts = plain[third:].decode("utf-8", "surrogatepass").split(END) if len(sums) > 1 else []
    about = About(kind, sample_type, tuple(sample_types), unit, seconds, total)
    return Paths(about, texts, sums.tolist(), plain[second:third], names)

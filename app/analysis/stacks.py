"""Collects stacks that were read from another profiler's file, and writes them as a pprof file. For the readers that
convert.py names.

It also reads lines of untrusted text with their numbers, within bounds.
"""

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar

from app.analysis.profile import LIMIT, BadProfile, ValueType
from app.analysis.schema import ProfileMessage

LONGEST_LINE: Final = 1 << 20  # bytes
DEEPEST: Final = 1024  # frames
MOST_NAMES: Final = 1 << 18  # these bounds count distinct items, and keep the process within its memory
MOST_LETTERS: Final = 32 << 20  # of all names together, in bytes
MOST_STACKS: Final = 1 << 19
MOST_FRAMES: Final = 1 << 23  # of all stacks together
MOST_TYPES: Final = 32
MOST: Final = (1 << 63) - 1  # of an int64
NAMELESS: Final = b"[unknown]"

SAMPLES: Final = ValueType("samples", "count")
CPU: Final = ValueType("cpu", "nanoseconds")

T = TypeVar("T")
Number = int | Fraction


@dataclass(frozen=True, slots=True)
class Options:
    """What is known of a file that it does not say itself.

    rate: samples a second and thread; None if unknown
    unit: of the values, where they are no numbers of samples; "" if they are
    sample: what the samples or values are of, such as cpu or wall; "" if unknown
    seconds: the length of the recording
    """

    rate: float | None = None
    unit: str = ""
    sample: str = ""
    seconds: float | None = None


UNTOLD: Final = Options()


class Frame(NamedTuple):
    """A place in the code. file, line: empty and 0 where the profiler does not tell."""

    function: bytes
    file: bytes = b""
    line: int = 0


def numbered(file: BinaryIO, unended: re.Pattern[bytes] | None = None) -> Iterator[tuple[int, bytes]]:
    """Every line without its newline, and its number from 1.

    unended: what a last line without a newline must be, not to count as cut. Raises BadProfile for a line that is cut
    or too long.
    """
    number, size = 0, 0
    while line := file.readline(LONGEST_LINE):
        number, size = number + 1, size + len(line)
        if size > LIMIT:
            raise BadProfile(f"more than {LIMIT} bytes, which is the limit")
        if not line.endswith(b"\n") and not (unended and len(line) < LONGEST_LINE and unended.fullmatch(line)):
            raise bad_line(number, "longer than any stack" if len(line) == LONGEST_LINE else "cut: it has no end")
        yield number, line.removesuffix(b"\n")


def bad_line(number: int, why: str) -> BadProfile:
    """The error about this line."""
    return BadProfile(f"line {number} is {why}")


LEFT_OUT: Final = Frame(b"(frames left out)")


class Stacks:
    """Adds up samples by stack: for each stack the sum of every sample type.

    types: those that the file has even without a sample. Others follow in the order in which they are first added. A
    sample has 0 of a type that it was added without.
    """

    def __init__(self, *types: ValueType) -> None:
        self._ids: dict[Frame, int] = {}
        self._types = {kind: at for at, kind in enumerate(types)}
        self._sums: dict[tuple[int, ...], list[Number]] = {}
        self._totals: list[Number] = [0] * len(types)
        self._known, self._letters, self._frames = 0, 0, 0
        self.note = ""  # a sentence about what the file has and these stacks have not

    def add(self, number: int, frames: Sequence[Frame], values: Mapping[ValueType, Number]) -> None:
        """Adds samples of one stack. Fractions are rounded once all are added up.

        number: of the line; frames: leaf first, of very deep stacks the middle is left out. Raises BadProfile with the
        line.
        """
        stack = tuple(map(self._id, shortened(frames, DEEPEST, LEFT_OUT)))
        sums = self._sums.get(stack)
        if sums is None:
            sums = self._sums[stack] = []
            self._frames += len(stack)
        for kind, value in values.items():
            at = self._types.setdefault(kind, len(self._types))
            for each in (sums, self._totals):
                each.extend([0] * (at + 1 - len(each)))
                each[at] += value
        self._check(number)

    def total(self, kind: ValueType) -> int:
        """The sum of all samples."""
        return round(self._totals[self._types[kind]]) if kind in self._types else 0

    @property
    def types(self) -> tuple[ValueType, ...]:
        """The sample types, in their order."""
        return tuple(self._types)

    def leave_out(self, kind: ValueType) -> None:
        """Forgets a sample type, for example a time that is not known of every sample."""
        if (at := self._types.pop(kind, None)) is not None:
            for sums in (self._totals, *self._sums.values()):
                del sums[at : at + 1]
            self._types = {other: index - (index > at) for other, index in self._types.items()}

    def rename(self, names: Mapping[ValueType, ValueType]) -> None:
        """Gives sample types other names, which must differ from all others."""
        self._types = {names.get(kind, kind): at for kind, at in self._types.items()}

    def _id(self, frame: Frame) -> int:
        id = self._ids.setdefault(frame, len(self._ids) + 1)
        if id > self._known:
            self._known, self._letters = id, self._letters + len(frame.function) + len(frame.file)
        return id

    def _check(self, number: int) -> None:
        for found, most, what in (
            (self._known, MOST_NAMES, "names"),
            (self._letters, MOST_LETTERS, "bytes of names"),
            (len(self._sums), MOST_STACKS, "different stacks"),
            (self._frames, MOST_FRAMES, "frames in different stacks"),
            (len(self._types), MOST_TYPES, "sample types"),
        ):
            if found > most:
                raise bad_line(number, f"one too many: there are more than {most} {what}")
        if not all(-MOST <= total <= MOST for total in self._totals):
            raise bad_line(number, "one too many: the sum is no number of 64 bits")

    def data(self, seconds: float | None) -> bytes:
        """The file, as gzipped pprof. seconds: of the recording.

        Functions have only `name`, because pprof takes a `system_name` for mangled C++.
        """
        message, texts = ProfileMessage(), Texts()
        for kind, name in self._names().items():
            message.sample_type.add(type=texts[name.encode()], unit=texts[kind.unit.encode()])
        if CPU in self._types:
            message.period_type.MergeFrom(message.sample_type[self._types[CPU]])
            message.period = self.total(CPU) // self.total(SAMPLES) if self.total(SAMPLES) else 0
            message.default_sample_type = texts[CPU.type.encode()]
        message.duration_nanos = round((seconds or 0) * 1e9)
        self._add_places(message, texts)
        arity = len(message.sample_type)
        for stack, sums in self._sums.items():
            message.sample.add(location_id=stack, value=[*map(round, sums), *[0] * (arity - len(sums))])
        message.string_table.extend(texts)
        return gzip.compress(message.SerializeToString(), compresslevel=6, mtime=0)

    def _names(self) -> dict[ValueType, str]:
        """The name of each sample type: pprof drops those whose name occurs twice, so the unit tells them apart."""
        names: dict[str, ValueType] = {}
        for kind in self._types:
            names.setdefault(kind.type if kind.type not in names else f"{kind.type}_{kind.unit}", kind)
        return {kind: name for name, kind in names.items()}

    def _add_places(self, message: Any, texts: "Texts") -> None:
        # One mapping with symbols: otherwise pprof would look for a binary.
        message.mapping.add(id=1, has_functions=True, has_filenames=True, has_line_numbers=True)
        functions: dict[tuple[bytes, bytes], int] = {}
        for frame, id in self._ids.items():
            function = functions.setdefault((frame.function or NAMELESS, frame.file), len(functions) + 1)
            if function > len(message.function):
                message.function.add(id=function, name=texts[frame.function or NAMELESS], filename=texts[frame.file])
            message.location.add(id=id, mapping_id=1).line.add(function_id=function, line=frame.line)


class Texts(dict[bytes, int]):
    """A string table that grows: the index of each text, in UTF-8. The first one is empty."""

    def __init__(self) -> None:
        super().__init__({b"": 0})

    def __missing__(self, text: bytes) -> int:
        return self.setdefault(text.decode("utf-8", "replace").encode(), len(self))


def shortened(stack: Sequence[T], most: int, mark: T) -> Sequence[T]:
    """`stack` if it has at most `most` frames, otherwise both its ends with `mark` in the place of the middle."""
    if len(stack) <= most:
        return stack
    leaf = most // 2
    return (*stack[:leaf], mark, *stack[len(stack) - (most - leaf - 1) :])

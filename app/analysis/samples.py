"""The samples of a pprof message: their values, and the ids of their locations. For profile.py.

There may be half a million, and most tables need few of their stacks, so the stacks stay packed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from app.analysis.wire import LENGTH, VARINT, BadProfile, end_of_other, fields, message, numbers, signed, tag_of, varint

PACKED_IDS: Final = tag_of(1, LENGTH)
ID: Final = tag_of(1, VARINT)
PACKED_VALUES: Final = tag_of(2, LENGTH)
VALUE: Final = tag_of(2, VARINT)
LABEL: Final = tag_of(3, LENGTH)
OF_SAMPLE: Final = message(PACKED_IDS, ID, PACKED_VALUES, VALUE, LABEL)

KEY: Final = tag_of(1, VARINT)  # of a label
TEXT: Final = tag_of(2, VARINT)
NUMBER: Final = tag_of(3, VARINT)
UNIT: Final = tag_of(4, VARINT)
OF_LABEL: Final = message(KEY, TEXT, NUMBER, UNIT)

NEVER: Final = rb"(?!)"


class Samples:
    """The samples of a profile, checked.

    values: of each sample, one for each sample type; bodies: the messages, for what is rarely asked for
    """

    def __init__(self, bodies: Sequence[bytes], arity: int, locations: Collection[int]) -> None:
        """arity: the number of sample types; locations: the ids that there are. Raises BadProfile."""
        self.bodies = bodies
        self.values, self._stacks, labels = _split(bodies, _Tuples(arity))
        for label in labels:
            fields(label, OF_LABEL)
        if not _are_known(self._stacks, locations):
            raise BadProfile("a broken profile: a sample names a location that is not there")

    def stacks(self, index: int) -> Iterator[tuple[int, list[int]]]:
        """Every sample with a value: the one for the sample type `index`, and the ids of its locations, leaf first."""
        return ((value, numbers(ids)) for value, ids in self.packed(index))

    def packed(self, index: int) -> Iterator[tuple[int, bytes]]:
        """The same with the ids as they are in the file: packed numbers."""
        for values, ids in zip(self.values, self._stacks, strict=True):
            if value := values[index]:
                yield value, ids


class _Tuples(dict[bytes, tuple[int, ...]]):
    """Values by their packed form: many samples have the same ones."""

    def __init__(self, arity: int) -> None:
        super().__init__()
        self._arity = arity

    def __missing__(self, packed: bytes) -> tuple[int, ...]:
        values = self[packed] = tuple(map(signed, numbers(packed)))
        if not self._arity or len(values) != self._arity:
            raise BadProfile(f"a broken profile: a sample has {len(values)} values for {self._arity} sample types")
        return values


def _split(bodies: Iterable[bytes], tuples: _Tuples) -> tuple[list[tuple[int, ...]], list[bytes], set[bytes]]:
    """The values and the packed ids of each sample, and the labels of all.

    In a message, too, numbers are packed, or each has a field of its own.
    """
    all_values, stacks, labels = list[tuple[int, ...]](), list[bytes](), set[bytes]()
    try:
        for body in bodies:
            ids = values = b""
            at, end = 0, len(body)
            while at < end:
                tag, size, begin = body[at], body[at + 1], at + 2
                if tag not in OF_SAMPLE:
                    begin = at = end_of_other(body, at, OF_SAMPLE)
                elif tag & 7 == LENGTH:
                    if size > 127:
                        size, begin = varint(body, at + 1)
                    at = begin + size
                else:
                    begin, at = at + 1, begin
                    while size > 127:
                        size, at = body[at], at + 1
                if tag in (PACKED_IDS, ID):
                    ids += body[begin:at]
                elif tag in (PACKED_VALUES, VALUE):
                    values += body[begin:at]
                elif tag == LABEL:
                    labels.add(body[begin:at])
            if at > end:
                raise BadProfile
            all_values.append(tuples[values])
            stacks.append(ids)
    except IndexError:
        raise BadProfile from None
    return all_values, stacks, labels


def _are_known(stacks: Iterable[bytes], locations: Collection[int]) -> bool:
    """Whether all packed ids are those of locations."""
    known, most = frozenset(locations), max(locations, default=0)
    as_counted = re.compile(_up_to(most) if most == len(known) else NEVER).fullmatch
    return all(map(as_counted, stacks)) or all(known.issuperset(numbers(ids)) for ids in stacks)


def _up_to(most: int) -> bytes:
    """A pattern of packed numbers from 1 to `most`: most writers count. It takes a fifth of the time of reading them.

    The bytes of a number are its digits to the base of 128, the lowest first; all but the last have 128 more.
    """
    digits = [most >> shift & 127 for shift in range(0, max(most.bit_length(), 1), 7)]
    last = len(digits) - 1
    lowest = [128] * last + [1]
    highest = [digit + 128 for digit in digits[:-1]] + digits[-1:]
    any_low = rb"[\x80-\xff]"
    forms = [any_low * shorter + rb"[\x01-\x7f]" for shorter in range(last)]
    for at in range(last + 1):  # less than `most` at this digit, and the same at all above
        high = highest[at] - (at > 0)
        if lowest[at] <= high:
            same = b"".join(rb"\x%02x" % digit for digit in highest[at + 1 :])
            forms.append(any_low * at + rb"[\x%02x-\x%02x]" % (lowest[at], high) + same)
    return rb"(?:%s)*+" % b"|".join(reversed(forms))

"""The samples of a pprof message: their values, and the ids of their locations. For profile.py.

There may be half a million, and most tables need few of their stacks, so the stacks stay packed.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from app.analysis.counted import all_up_to
from app.analysis.wire import LENGTH, VARINT, BadProfile, end_of_other, fields, message, numbers, signed, tag_of, varint

PACKED_IDS: Final = tag_of(1, LENGTH)
ID: Final = tag_of(1, VARINT)
PACKED_VALUES: Final = tag_of(2, LENGTH)
VALUE: Final = tag_of(2, VARINT)
LABEL: Final = tag_of(3, LENGTH)
IDS_VALUES: Final = PACKED_IDS << 8 | PACKED_VALUES
USUAL: Final = (PACKED_VALUES << 8 | PACKED_IDS, IDS_VALUES)  # the first two tags of most samples
OF_SAMPLE: Final = message(PACKED_IDS, ID, PACKED_VALUES, VALUE, LABEL)

KEY: Final = tag_of(1, VARINT)  # of a label
TEXT: Final = tag_of(2, VARINT)
NUMBER: Final = tag_of(3, VARINT)
UNIT: Final = tag_of(4, VARINT)
OF_LABEL: Final = message(KEY, TEXT, NUMBER, UNIT)


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

    Most samples begin with these two fields, and what follows is alike in many. The others are read field by field.
    """
    all_values, stacks, labels, alike = list[tuple[int, ...]](), list[bytes](), set[bytes](), set[bytes]()
    values = ids = rest = b""
    for body in bodies:
        try:
            size, begin = body[1], 2
            if size > 127:
                size, begin = varint(body, 1)
            middle = begin + size
            tags, size, second = body[0] << 8 | body[middle], body[middle + 1], middle + 2
            if size > 127:
                size, second = varint(body, middle + 1)
            end = second + size
            values, ids, rest = body[begin:middle], body[second:end], body[end:]
        except IndexError:
            tags = end = 0
        if tags == IDS_VALUES:
            values, ids = ids, values
        if rest not in alike or tags not in USUAL or end > len(body):
            whole = _by_field(body, labels)
            if whole == (values, ids) and tags in USUAL:
                alike.add(rest)
            values, ids = whole
        all_values.append(tuples[values])
        stacks.append(ids)
    return all_values, stacks, labels


def _by_field(body: bytes, labels: set[bytes]) -> tuple[bytes, bytes]:
    """The values and the ids of a sample, whose labels are added to the others. Raises BadProfile.

    In a message, too, numbers are packed, or each has a field of its own.
    """
    ids = values = b""
    at, end = 0, len(body)
    try:
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
    except IndexError:
        raise BadProfile from None
    if at > end:
        raise BadProfile
    return values, ids


def _are_known(stacks: Sequence[bytes], locations: Collection[int]) -> bool:
    """Whether all packed ids are those of locations."""
    known, most = frozenset(locations), max(locations, default=0)
    counted = most == len(known)  # as most writers do
    return (counted and all_up_to(most, stacks)) or all(known.issuperset(numbers(ids)) for ids in stacks)

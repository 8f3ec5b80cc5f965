"""The samples of a pprof message as they are met, taken apart but not decoded. For samples.py and profile.py."""

from collections.abc import Collection
from typing import Final

from app.analysis.wire import LENGTH, VARINT, BadProfile, end_of_other, message, tag_of, varint

SAMPLE: Final = tag_of(2, LENGTH)
PACKED_IDS: Final = tag_of(1, LENGTH)
ID: Final = tag_of(1, VARINT)
PACKED_VALUES: Final = tag_of(2, LENGTH)
VALUE: Final = tag_of(2, VARINT)
LABEL: Final = tag_of(3, LENGTH)
IDS_VALUES: Final = PACKED_IDS << 8 | PACKED_VALUES  # the first two tags of most samples
VALUES_IDS: Final = PACKED_VALUES << 8 | PACKED_IDS
USUAL: Final = (VALUES_IDS, IDS_VALUES)
OF_SAMPLE: Final = message(PACKED_IDS, ID, PACKED_VALUES, VALUE, LABEL)


class PackedSamples:
    """values, stacks: of each sample the packed values, and the packed ids of its locations; labels: of all samples.

    Most samples begin with these two fields, and what follows is alike in many. The others are read field by field.
    """

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.stacks: list[bytes] = []
        self.labels: set[bytes] = set()
        self._alike: set[bytes] = set()

    def other(self, data: bytes, at: int, used: Collection[int]) -> int:
        """Takes the samples from `at` up to the next field that is none; see wire.fields. Raises as it."""
        if data[at] != SAMPLE:
            return end_of_other(data, at, (*used, SAMPLE))
        values, stacks, alike, end = self.values, self.stacks, self._alike, len(data)
        while at < end and data[at] == SAMPLE:
            size, begin = data[at + 1], at + 2
            if size > 127:
                size, begin = varint(data, at + 1)
            at = begin + size
            try:
                size, first = data[begin + 1], begin + 2
                if size > 127:
                    size, first = varint(data, begin + 1)
                middle = first + size
                size, second = data[middle + 1], middle + 2
                if size > 127:
                    size, second = varint(data, middle + 1)
                tags, stop = data[begin] << 8 | data[middle], second + size
            except (IndexError, BadProfile):  # what was read may be of the next field
                tags, first, middle, second, stop = 0, at, at, at, at
            if data[stop:at] in alike and stop <= at and tags in USUAL:
                one, two = data[first:middle], data[second:stop]
                values.append(one if tags == VALUES_IDS else two)
                stacks.append(two if tags == VALUES_IDS else one)
            else:
                self._take(data[begin:at], data[stop:at], data[first:middle] + data[second:stop], tags)
        return at

    def _take(self, body: bytes, rest: bytes, both: bytes, tags: int) -> None:
        """Takes a sample field by field. rest: what is behind `both`, its values and ids, if `tags` say that it has
        the usual layout."""
        values, ids = by_field(body, self.labels)
        self.values.append(values)
        self.stacks.append(ids)
        if tags in USUAL and both == (values + ids if tags == VALUES_IDS else ids + values):
            self._alike.add(rest)


def by_field(body: bytes, labels: set[bytes]) -> tuple[bytes, bytes]:
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

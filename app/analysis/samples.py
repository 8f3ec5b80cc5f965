"""The samples of a pprof message: their values, and the ids of their locations. For profile.py.

There may be half a million, and most tables need few of their stacks, so the stacks stay packed.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from app.analysis.counted import all_up_to
from app.analysis.packed_samples import PackedSamples
from app.analysis.wire import VARINT, BadProfile, fields, message, numbers, signed, tag_of

KEY: Final = tag_of(1, VARINT)  # of a label
TEXT: Final = tag_of(2, VARINT)
NUMBER: Final = tag_of(3, VARINT)
UNIT: Final = tag_of(4, VARINT)
OF_LABEL: Final = message(KEY, TEXT, NUMBER, UNIT)


class Samples:
    """The samples of a profile, checked. values: of each sample, one for each sample type."""

    def __init__(self, packed: PackedSamples, arity: int, locations: Collection[int]) -> None:
        """arity: the number of sample types; locations: the ids that there are. Raises BadProfile."""
        self.values = list(map(_Tuples(arity).__getitem__, packed.values))
        self._stacks = packed.stacks
        for label in packed.labels:
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


def _are_known(stacks: Sequence[bytes], locations: Collection[int]) -> bool:
    """Whether all packed ids are those of locations."""
    known, most = frozenset(locations), max(locations, default=0)
    counted = most == len(known)  # as most writers do
    return (counted and all_up_to(most, stacks)) or all(known.issuperset(numbers(ids)) for ids in stacks)

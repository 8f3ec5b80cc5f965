"""The name of a function, which may stand at another entry or in another unit. Source: DWARF 5, 2.13.2 and 3.3.8."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.analysis.dwarf.forms import REF_ADDR, UNIT_REFS, Value
from app.analysis.dwarf.units import Head, Unit

LINKAGE_NAME, GNU_LINKAGE_NAME, NAME, ORIGIN, SPECIFICATION = 0x6E, 0x2007, 0x03, 0x31, 0x47
LONGEST_CHAIN: Final = 8


class Called(NamedTuple):
    """value: of the attribute that has the name"""

    unit: Unit
    value: Value


class Names:
    """heads: of the units that are at home, in order."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self._heads = heads
        self._units: dict[int, Unit] = {}
        self._found: dict[tuple[int, int], Called | None] = {}

    def called(self, unit: Unit, entry: int) -> Called | None:
        """The name of the function with this entry."""
        key = unit.head.offset, entry
        if key not in self._found:
            self._found[key] = self._sought(unit, entry)
        return self._found[key]

    def _sought(self, unit: Unit, at: int) -> Called | None:
        fallback = None
        for _ in range(LONGEST_CHAIN):
            _, entry, _ = unit.entry(at)
            if linkage := entry.get(LINKAGE_NAME) or entry.get(GNU_LINKAGE_NAME):
                return Called(unit, linkage)
            if NAME in entry:
                fallback = fallback or Called(unit, entry[NAME])
            reference = entry.get(ORIGIN) or entry.get(SPECIFICATION)
            if reference is None or not (place := self._referred(unit, reference)):
                break
            unit, at = place
        return fallback

    def _referred(self, unit: Unit, to: Value) -> tuple[Unit, int] | None:
        if to.form in UNIT_REFS:
            return unit, to.number
        if to.form != REF_ADDR:
            return None
        index = bisect_right(self._heads, to.number, key=lambda head: head.offset) - 1
        if index < 0 or to.number >= self._heads[index].offset + self._heads[index].size:
            return None
        head = self._heads[index]
        other = self._units.setdefault(head.offset, Unit(unit.sections, head))
        return other, to.number - head.offset

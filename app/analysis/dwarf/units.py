"""The units of debugging information: where they begin, which addresses each has. Sources: DWARF 5, 6.1.2 and 7.5.1."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from struct import iter_unpack
from typing import Final, NamedTuple

from app.analysis.dwarf.abbreviations import Abbreviation, abbreviations
from app.analysis.dwarf.addresses import Span, within
from app.analysis.dwarf.budget import Budget
from app.analysis.dwarf.forms import (
    ADDR,
    ADDRX,
    ADDRX_FIXED,
    LINE_STRP,
    STRING,
    STRP,
    STRX,
    STRX_FIXED,
    Shape,
    Value,
    after,
    fixed,
    value,
)  # fmt: skip
from app.analysis.dwarf.numbers import unsigned
from app.analysis.dwarf.sections import Sections
from app.analysis.goheap.ranges import Unreadable

STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE, LOW_PC = 0x72, 0x73, 0x74, 0x11
HEAD: Final = 64  # bytes, more than the head of any unit has
ABBREVIATIONS: Final = 1 << 16  # bytes of a table, at first
LARGEST: Final = 32 << 20  # bytes of a unit, and of all units that no table leads to
Entry = Mapping[int, Value]  # an entry's values by the names of its attributes


class Head(NamedTuple):
    """offset, size: of the whole unit, in bytes; first: where its first entry lies in it"""

    offset: int
    size: int
    shape: Shape
    abbreviations: int
    first: int


class Unit:
    """One unit. Offsets are those in its bytes."""

    def __init__(self, sections: Sections, head: Head) -> None:
        self.sections, self.head, self.shape = sections, head, head.shape
        self.data = sections["info"].at(head.offset, head.size)

    @cached_property
    def table(self) -> dict[int, Abbreviation]:
        """Its abbreviations."""
        part, size = self.sections["abbrev"], ABBREVIATIONS
        while True:
            try:
                return abbreviations(part.at(self.head.abbreviations, size), self.shape, self.sections.budget)
            except IndexError:
                if self.head.abbreviations + size >= part.size:
                    raise
                size *= 4

    @cached_property
    def root(self) -> Entry:
        """The entry of the unit itself."""
        return self.entry(self.head.first)[1]

    def entry(self, at: int) -> tuple[int, Entry, int]:
        """The tag of the entry there, its attributes, and where it ends."""
        code, at = unsigned(self.data, at)
        if not code:
            raise Unreadable("has debugging information with a reference to nothing")
        kind, found = self.table[code], dict[int, Value]()
        for name, form, implicit in kind.attributes:
            found[name], at = value(form, self.data, at, self.shape, implicit)
        return kind.tag, found, at

    def past(self, kind: Abbreviation, at: int) -> int:
        """Where the attributes end that begin there."""
        if kind.size is not None:
            return at + kind.size
        for _, form, _ in kind.attributes:
            size = fixed(form, self.shape)
            at = after(form, self.data, at, self.shape) if size is None else at + size
        return at

    def text(self, found: Value | None) -> bytes:
        """A text, in place or in another section."""
        if found is None or found.form == STRING:
            return found.text if found else b""
        if found.form in (STRP, LINE_STRP):
            return self.sections["str" if found.form == STRP else "line_str"].text(found.number)
        if found.form == STRX or found.form in STRX_FIXED:
            size, base = self.shape.offset, self.root[STR_OFFSETS_BASE].number if STR_OFFSETS_BASE in self.root else 8
            return self.sections["str"].text(self.sections["str_offsets"].number(base + found.number * size, size))
        return b""

    def address(self, found: Value) -> int | None:
        """An address, in place or by its index; None for another form."""
        if found.form == ADDR:
            return found.number
        if found.form == ADDRX or found.form in ADDRX_FIXED:
            return self.address_at(found.number)
        return None

    def address_at(self, index: int) -> int:
        """The address with this index."""
        base = self.root[ADDR_BASE].number if ADDR_BASE in self.root else 8
        return self.sections["addr"].number(base + index * self.shape.address, self.shape.address)

    @cached_property
    def low(self) -> int:
        """The address that ranges count from."""
        return self.address(self.root[LOW_PC]) or 0 if LOW_PC in self.root else 0


def head_at(sections: Sections, offset: int) -> Head:
    """The head of the unit there. Raises Unreadable for one of a version before 2 or after 5, and for one that is no
    unit of this file's own code."""
    data = sections["info"].at(offset, HEAD)
    if len(data) < 12:
        raise Unreadable("has debugging information that is cut")
    length, wide = int.from_bytes(data[:4], "little"), 4
    at = 4
    if length == 0xFFFFFFFF:
        length, wide, at = int.from_bytes(data[4:12], "little"), 8, 12
    size = at + length
    version = int.from_bytes(data[at : at + 2], "little")
    if not 2 <= version <= 5 or size > LARGEST or offset + size > sections["info"].size:
        raise Unreadable(f"has debugging information of a version that is not known, {version}")
    at += 2
    kind = 1
    if version == 5:
        kind, address, at = data[at], data[at + 1], at + 2
    table, at = int.from_bytes(data[at : at + wide], "little"), at + wide
    if version < 5:
        address, at = data[at], at + 1
    more = {4: 8, 5: 8, 2: 8 + wide, 6: 8 + wide}.get(kind, 0)  # the id of a skeleton; a type's signature and offset
    if address not in (4, 8):
        raise Unreadable("has debugging information for another machine")
    return Head(offset, size, Shape(version, wide, address), table, at + more)


def heads(sections: Sections) -> list[Head]:
    """All units, where there are not too many to bring home."""
    if sections["info"].size > LARGEST:
        return []
    sections["info"].want([(0, sections["info"].size)])
    found, offset = list[Head](), 0
    while offset < sections["info"].size:
        sections.budget.round()
        found.append(head_at(sections, offset))
        offset += found[-1].size
    return found


def listed(sections: Sections, addresses: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of an address and the offset of the unit that has it, of the section `aranges`."""
    data, at = sections["aranges"].at(0, sections["aranges"].size), 0
    while at + 12 <= len(data):
        sections.budget.round()
        length, wide, begin = int.from_bytes(data[at : at + 4], "little"), 4, at
        at += 4
        if length == 0xFFFFFFFF:
            length, wide, at = int.from_bytes(data[at : at + 8], "little"), 8, at + 8
        end = at + length
        unit = int.from_bytes(data[at + 2 : at + 2 + wide], "little")
        if data[at + 2 + wide : at + 3 + wide] == b"\x08":
            first = at + 4 + wide
            first += -(first - begin) % 16
            yield from ((each, unit) for each in within(_pairs(data[first:end], sections.budget), addresses))
        at = end


def _pairs(data: bytes, budget: Budget) -> Iterator[Span]:
    for start, size in iter_unpack("<QQ", data[: len(data) // 16 * 16]):
        budget.round()
        yield start, start + size

"""The addresses that an entry of debugging information is about. Sources: DWARF 5, 2.17 and 7.25; DWARF 4, 7.24."""

from collections.abc import Iterator
from typing import Final

from app.analysis.dwarf.addresses import Span
from app.analysis.dwarf.forms import CONSTANTS, RNGLISTX
from app.analysis.dwarf.numbers import unsigned
from app.analysis.dwarf.units import LOW_PC, RNGLISTS_BASE, Entry, Unit
from app.analysis.goheap.ranges import Unreadable

HIGH_PC, RANGES = 0x12, 0x55
MOST: Final = 10_000  # ranges of an entry
PIECE: Final = 1 << 16  # bytes that are looked at for a list
# The kinds of entries of a list, with how their operands are written: an index is that of an address.
OPERANDS: Final = {
    0: (),
    1: ("index",),
    2: ("index", "index"),
    3: ("index", "number"),
    4: ("number", "number"),
    5: ("address",),
    6: ("address", "address"),
    7: ("address", "number"),
}


def has_ranges(names: frozenset[int]) -> bool:
    """Whether an entry with attributes of these names says which addresses it is about."""
    return RANGES in names or (LOW_PC in names and HIGH_PC in names)


def spans(unit: Unit, entry: Entry) -> list[Span]:
    """Its addresses, none where it does not say."""
    if RANGES in entry:
        found = entry[RANGES]
        offset = found.number
        if unit.shape.version < 5:
            return list(_old_list(unit, offset))
        if found.form == RNGLISTX:
            base = unit.root[RNGLISTS_BASE].number if RNGLISTS_BASE in unit.root else 12
            offset = base + unit.sections["rnglists"].number(base + offset * unit.shape.offset, unit.shape.offset)
        return list(_list(unit, offset))
    if LOW_PC not in entry or HIGH_PC not in entry or (low := unit.address(entry[LOW_PC])) is None:
        return []
    high = entry[HIGH_PC]
    limit = low + high.number if high.form in CONSTANTS else unit.address(high)
    return [(low, limit)] if limit else []


def _old_list(unit: Unit, offset: int) -> Iterator[Span]:
    data, size, base = unit.sections["ranges"].at(offset, PIECE), unit.shape.address, unit.low
    highest = (1 << 8 * size) - 1
    for at in range(0, min(len(data) - 2 * size + 1, MOST * 2 * size), 2 * size):
        unit.sections.budget.round()
        low, high = (int.from_bytes(data[each : each + size], "little") for each in (at, at + size))
        if not (low or high):
            return
        if low == highest:
            base = high
        else:
            yield base + low, base + high


def _list(unit: Unit, offset: int) -> Iterator[Span]:
    data, base, at = unit.sections["rnglists"].at(offset, PIECE), unit.low, 0
    for _ in range(MOST):
        unit.sections.budget.round()
        kind, at = data[at], at + 1
        if kind not in OPERANDS:
            raise Unreadable(f"has debugging information with ranges of a kind that is not known, {kind}")
        operands = list[int]()
        for how in OPERANDS[kind]:
            operand, at = _operand(unit, how, data, at)
            operands.append(operand)
        match kind, operands:
            case _, []:
                return
            case _, [base]:
                pass
            case 4, [low, limit]:
                yield base + low, base + limit
            case ((3 | 7), [low, size]):
                yield low, low + size
            case _, [low, limit]:
                yield low, limit


def _operand(unit: Unit, how: str, data: bytes, at: int) -> tuple[int, int]:
    if how == "address":
        end = at + unit.shape.address
        return int.from_bytes(data[at:end], "little"), end
    number, at = unsigned(data, at)
    return (unit.address_at(number) if how == "index" else number), at

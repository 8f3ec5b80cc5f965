"""Which functions an address is in: the function, and those that the compiler put into it. Source: DWARF 5, 3.3."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from app.analysis.dwarf.abbreviations import Abbreviation
from app.analysis.dwarf.addresses import within
from app.analysis.dwarf.forms import UNIT_REFS, value
from app.analysis.dwarf.numbers import unsigned
from app.analysis.dwarf.ranges import has_ranges, spans
from app.analysis.dwarf.units import Entry, Unit

UNIT, PARTIAL, NAMESPACE, MODULE = 0x11, 0x3C, 0x39, 0x1E
FUNCTION, INLINED, BLOCK, TRY, CATCH = 0x2E, 0x1D, 0x0B, 0x32, 0x25
GROUPS: Final = frozenset((UNIT, PARTIAL, NAMESPACE, MODULE))
SCOPES: Final = frozenset((FUNCTION, INLINED, BLOCK, TRY, CATCH))
CALL_FILE, CALL_LINE = 0x58, 0x59
DEEPEST: Final = 500  # entries within entries


class Scope(NamedTuple):
    """A function that an address is in. entry: its offset in the unit; file, line: where it was called, for one that
    was put into another"""

    entry: int
    file: int
    line: int


def scopes(unit: Unit, addresses: Sequence[int]) -> dict[int, list[Scope]]:
    """For each of these addresses, which are in order, the functions that it is in, the outermost first."""
    found: dict[int, list[Scope]] = {}
    data, table, at = unit.data, unit.table, unit.head.first
    open_: list[Sequence[int]] = []
    while at < len(data):
        unit.sections.budget.round()
        start = at
        code, at = unsigned(data, at)
        if not code:
            open_.pop()
            if not open_:
                break
            continue
        kind = table[code]
        inside: Sequence[int] | None = None
        if kind.tag in GROUPS:
            inside, at = open_[-1] if open_ else addresses, unit.past(kind, at)
        elif kind.tag in SCOPES and (inside := _inside(unit, kind, start, open_[-1], found)):
            at = unit.past(kind, at)
        if not inside:
            at = _skip(unit, start)
        elif kind.children:
            open_.append(inside)
        if not open_ or len(open_) > DEEPEST:
            break
    return found


def _inside(
    unit: Unit, kind: Abbreviation, start: int, among: Sequence[int], found: dict[int, list[Scope]]
) -> Sequence[int]:
    """Those of the addresses that are in the entry; in order."""
    if not _says(kind):
        return among if kind.tag == BLOCK else ()
    _, entry, _ = unit.entry(start)
    inside = within(spans(unit, entry), among)
    if kind.tag in (FUNCTION, INLINED):
        scope = Scope(start, _number(entry, CALL_FILE), _number(entry, CALL_LINE))
        for each in inside:
            unit.sections.budget.scope()
            found.setdefault(each, []).append(scope)
    return inside


@cache
def _says(kind: Abbreviation) -> bool:
    return has_ranges(frozenset(each.name for each in kind.attributes))


def _number(entry: Entry, name: int) -> int:
    return entry[name].number if name in entry else 0


def _skip(unit: Unit, at: int) -> int:
    """Where the next sibling of the entry is."""
    data, table, depth = unit.data, unit.table, 0
    while at < len(data):
        unit.sections.budget.round()
        code, at = unsigned(data, at)
        if code:
            kind = table[code]
            sibling = _sibling(unit, kind, at) if kind.children and kind.sibling >= 0 else 0
            end = unit.past(kind, at)
            if sibling > end:
                at = sibling
            else:
                at, depth = end, depth + kind.children
        else:
            depth -= 1
        if depth <= 0:
            return at
    return at


def _sibling(unit: Unit, kind: Abbreviation, at: int) -> int:
    for _, form, _ in kind.attributes[: kind.sibling]:
        _, at = value(form, unit.data, at, unit.shape)
    form = kind.attributes[kind.sibling].form
    return value(form, unit.data, at, unit.shape)[0].number if form in UNIT_REFS else 0

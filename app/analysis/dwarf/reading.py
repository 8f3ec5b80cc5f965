"""The calls at addresses: functions, files and lines, with those that the compiler put into others.

Only what these addresses need is asked for: their units, as the table `aranges` names them, and of other sections the
parts that these units refer to. A file without that table is read whole where it is small.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import process_time
from typing import Final, NamedTuple

from app.analysis.dwarf.addresses import within
from app.analysis.dwarf.budget import Budget, Spent
from app.analysis.dwarf.forms import STRP
from app.analysis.dwarf.functions import scopes
from app.analysis.dwarf.lines import Lines, Place
from app.analysis.dwarf.names import Called, Names
from app.analysis.dwarf.ranges import spans
from app.analysis.dwarf.sections import TEXT, Sections
from app.analysis.dwarf.source import File
from app.analysis.dwarf.units import HEAD, LARGEST, Head, Unit, head_at, heads, listed
from app.analysis.goheap.elf import Elf
from app.analysis.goheap.ranges import Unreadable

SMALL: Final = 4 << 20  # bytes of a section that is brought whole
ARANGES: Final = 16 << 20
COMPILED_IN, STATEMENTS = 0x1B, 0x10
FAULTS: Final = (Unreadable, IndexError, KeyError, ValueError, OverflowError)


class Call(NamedTuple):
    """function: the linker's name, else the name in the source; "" where it is not known, as file, and 0 as line"""

    function: bytes
    file: bytes
    line: int


class _Found(NamedTuple):
    """What is known of an address before the texts are brought."""

    unit: Unit
    lines: Lines
    chain: Sequence[tuple[Called | None, Place]]  # the innermost first


def calls_at(
    file: File, elf: Elf, addresses: Sequence[int], now: Callable[[], float] = process_time
) -> dict[int, list[Call]]:
    """For each of these addresses, as linked, its calls, the innermost first; not for those that nothing is known of.

    Raises Unreadable where there is no debugging information."""
    sections = Sections(file, elf, Budget(now))
    if not sections["info"].size or not sections["abbrev"].size:
        raise Unreadable("has no debugging information")
    for name in ("abbrev", "line_str", "str_offsets", "addr", "rnglists", "ranges"):
        if sections[name].size <= SMALL:
            sections[name].want([(0, sections[name].size)])
    by_unit, known = _by_unit(sections, sorted(set(addresses)))
    names, found = Names(known), dict[int, _Found]()
    for unit, wanted in by_unit:
        try:
            found |= _of_unit(names, unit, wanted)
        except Spent:
            break  # the units with most addresses came first
        except FAULTS:
            continue  # what is broken in one unit is no fault of another
    return _with_texts(sections, found)


def _by_unit(sections: Sections, addresses: Sequence[int]) -> tuple[list[tuple[Unit, list[int]]], list[Head]]:
    """The units of the addresses, those of most of them first; and all units that are known, in order."""
    offsets = defaultdict[int, list[int]](list)
    if 0 < sections["aranges"].size <= ARANGES:
        for address, offset in dict(listed(sections, addresses)).items():
            offsets[offset].append(address)
    left = sorted(set(addresses).difference(*offsets.values())) if offsets else list(addresses)
    known = heads(sections) if left or not offsets else []
    if not known:
        sections["info"].want((offset, HEAD) for offset in offsets)
        known = _at_home(sections, sorted(offsets, key=lambda offset: -len(offsets[offset])))
    units = []
    for head in known:
        if wanted := offsets.get(head.offset) or (left and _within(Unit(sections, head), left)):
            units.append((Unit(sections, head), sorted(wanted)))
    return sorted(units, key=lambda each: -len(each[1])), known


def _at_home(sections: Sections, offsets: Sequence[int]) -> list[Head]:
    """The heads of these units, in order, as many of the first as may be brought home."""
    found, left = list[Head](), LARGEST
    for offset in offsets:
        with suppress(*FAULTS):
            head = head_at(sections, offset)
            if head.size <= left:
                left -= head.size
                found.append(head)
    sections["info"].want((head.offset, head.size) for head in found)
    return sorted(found)


def _within(unit: Unit, addresses: Sequence[int]) -> list[int]:
    """Those of the addresses that the unit says it has."""
    try:
        return within(spans(unit, unit.root), addresses)
    except Spent:
        raise
    except FAULTS:
        return []


def _of_unit(names: Names, unit: Unit, addresses: Sequence[int]) -> dict[int, _Found]:
    if STATEMENTS not in unit.root:
        return {}
    lines = Lines(unit, unit.root[STATEMENTS].number, unit.text(unit.root.get(COMPILED_IN)))
    places, inside = lines.places(addresses), scopes(unit, addresses)
    found = {}
    for address in addresses:
        place, chain = places.get(address, Place(0, 0)), list[tuple[Called | None, Place]]()
        for scope in reversed(inside.get(address, ())):
            chain.append((names.called(unit, scope.entry), place))
            place = Place(scope.file, scope.line)
        found[address] = _Found(unit, lines, chain or [(None, place)])
    return found


def _with_texts(sections: Sections, found: Mapping[int, _Found]) -> dict[int, list[Call]]:
    called = {id(each): each for one in found.values() for each, _ in one.chain if each}
    places = {each.value.number for each in called.values() if each.value.form == STRP}
    if places:
        sections["str"].want((place, TEXT) for place in places)
    texts = {key: _text(each) for key, each in called.items()}
    return {address: [_call(one.lines, texts, *each) for each in one.chain] for address, one in found.items()}


def _text(called: Called) -> bytes:
    try:
        return called.unit.text(called.value)
    except FAULTS:
        return b""


def _call(lines: Lines, texts: Mapping[int, bytes], called: Called | None, place: Place) -> Call:
    return Call(texts[id(called)] if called else b"", lines.file(place.file), place.line)

"""Debugging information that is small and takes for ever to read: what it may cost is counted, and costs no other unit
its lines. The clock of these tests goes on by a second with each look at it, so that small tables are enough."""

from collections.abc import Callable, Mapping
from itertools import count
from struct import pack

import pytest

from app.analysis.dwarf.addresses import within
from app.analysis.dwarf.numbers import unsigned
from app.analysis.dwarf.reading import calls_at
from app.analysis.dwarf.source import File
from app.analysis.goheap.elf import Elf, Section
from app.analysis.goheap.ranges import Unreadable

HONEST, HOSTILE = range(0x1000, 0x1010), 0x20_0000
UNIT = b"\1\x11\1\x10\x17\x11\1\x12\7\0\0"  # lines, low, high
RANGED, NAMED = b"\2\x2e\0\x55\x17\0\0", b"\3\x2e\0\3\x08\x11\1\x12\7\0\0"
KINDS = UNIT + RANGED + NAMED
TABLE = KINDS + b"\0"
RANGES = pack("<QQ", 0, 0x800) * 1000 + bytes(16)


def unit(low: int, entries: bytes, *, lines: int = 0, kinds: int = 0) -> bytes:
    body = pack("<HIB", 4, kinds, 8) + b"\1" + pack("<IQQ", lines, low, 0x1000) + entries + b"\0"
    return pack("<I", len(body)) + body


def line_program(code: bytes) -> bytes:
    head = pack("<BBbBB", 1, 1, -5, 14, 13) + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]) + b"\0work.c\0\0\0\0\0"
    body = pack("<HI", 2, len(head)) + head + code
    return pack("<I", len(body)) + body


def at(address: int) -> bytes:
    return b"\0\x09\2" + pack("<Q", address)


SHORT = line_program(at(0x1000) + b"\1\2\xff\1\1\0\1\1")
WORK = unit(0x1000, b"\3work\0" + pack("<QQ", 0x1000, 0x100))
COSTLY: dict[str, dict[str, bytes]] = {
    "entries with many ranges": {"info": WORK + unit(HOSTILE, (b"\2" + bytes(4)) * 20), "ranges": RANGES},
    "many entries": {"info": WORK + unit(HOSTILE, (b"\3f\0" + pack("<QQ", 0, 1)) * 20_000)},
    "a long program of lines": {
        "info": WORK + unit(HOSTILE, b"", lines=len(SHORT)),
        "line": SHORT + line_program(at(HOSTILE) + b"\1" * 20_000 + b"\2\1\1\0\1\1"),
    },
}
ENDLESS: dict[str, dict[str, bytes]] = {
    "units": {"info": unit(HOSTILE, b"") * 20_000},
    "kinds of entries": {
        "info": unit(HOSTILE, b"", kinds=len(TABLE)),
        "abbrev": TABLE + KINDS + b"\x85\1\x2e\0\0\0" * 20_000 + b"\0",
    },
}


def calls_in(
    parts: Mapping[str, bytes], addresses: list[int], now: Callable[[], float]
) -> dict[int, list[tuple[bytes, int]]]:
    data, sections = bytes(4096), dict[str, Section]()
    for name, content in {"abbrev": TABLE, "line": SHORT, **parts}.items():
        sections[f".debug_{name}"] = Section(0, len(data), len(content))
        data += content
    file = File(lambda ranges: [data[each.start :][: each.size].ljust(each.size, b"\0") for each in ranges])
    found = calls_at(file, Elf("amd64", sections, ()), addresses, now)
    return {address: [(call.function, call.line) for call in chain] for address, chain in found.items()}


@pytest.mark.parametrize("parts", COSTLY.values(), ids=COSTLY)
def test_a_unit_that_takes_too_long_costs_only_its_own_lines(parts: Mapping[str, bytes]) -> None:
    looks = count()
    found = calls_in(parts, [*HONEST, HOSTILE], lambda: float(next(looks)))
    assert found == {address: [(b"work", 1)] for address in HONEST}
    assert HOSTILE in calls_in(parts, [*HONEST, HOSTILE], lambda: 0.0), "it is readable, if it is given the time"


@pytest.mark.parametrize("parts", ENDLESS.values(), ids=ENDLESS)
def test_too_many_units_or_kinds_of_entries_are_told_as_that(parts: Mapping[str, bytes]) -> None:
    looks = count()
    with pytest.raises(Unreadable, match="takes more than 15 s to read"):
        calls_in(parts, [HOSTILE], lambda: float(next(looks)))


def test_a_table_of_addresses_that_names_each_one_a_thousand_times_is_read_once() -> None:
    pairs = pack("<QQ", 0x1000, 0x1000) * 1000
    listed = pack("<IHIBB", 12 + len(pairs), 2, 0, 8, 0) + bytes(4) + pairs
    assert calls_in({"info": WORK, "aranges": listed}, [*HONEST], lambda: 0.0).keys() == set(HONEST)


def test_functions_beside_each_other_that_all_claim_the_same_places_are_bounded() -> None:
    ranges = pack("<QQ", 0, 0x1000) + bytes(16)
    claimed = unit(HOSTILE, (b"\2" + bytes(4)) * 300)
    addresses = [*range(HOSTILE, HOSTILE + 2000), *range(0x1000, 0x1000 + 2001)]
    found = calls_in({"info": WORK + claimed, "ranges": ranges}, addresses, lambda: 0.0)
    assert found.keys() == set(range(0x1000, 0x1000 + 2001))


def test_a_kind_of_entry_with_attributes_without_end_is_refused() -> None:
    table = b"\1\x11\1" + b"\x3f\x19" * 2000 + b"\x11\1\x12\7\0\0\0"
    assert not calls_in({"info": unit(0x1000, b""), "abbrev": table}, [0x1000], lambda: 0.0)


def test_a_number_without_end_is_no_number() -> None:
    assert unsigned(b"\x81" + b"\x80" * 20 + b"\0", 0) == (1, 22)
    with pytest.raises(IndexError):
        unsigned(b"\x80" * 5000 + b"\0", 0)


def test_addresses_in_ranges_that_overlap_are_found_once_and_in_order() -> None:
    assert within([(5, 9), (1, 3), (2, 7), (8, 2), (9, 9)], [0, 1, 2, 3, 6, 8, 9, 10]) == [1, 2, 3, 6, 8]

"""The names of functions in an ELF file's table of symbols, by the places in the file where their code lies.

The file lies elsewhere: what is needed of it is asked for, see goheap/ranges.py. Source: the System V ABI, chapter 4.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple

from app.analysis.goheap.elf import Elf, Section, read_elf
from app.analysis.goheap.ranges import PAGE, Range, Reading, Source, Unreadable, ask

SYMBOL: Final = Struct("<IBBHQQ")  # name, type and binding, -, section, value, size
FUNCTION, INDIRECT, UNTYPED = 2, 10, 0  # types
GLOBAL: Final = 1  # a binding
LARGEST: Final = 48 << 20  # bytes of a table, and of the names that are read
LONGEST: Final = 4096  # bytes of a name
LINES: Final = frozenset({".debug_info", ".debug_line"})
GAP: Final = 8  # pages between two names that are read with them


class _Symbol(NamedTuple):
    """start, limit: addresses as linked; the limit is the start where the table does not tell; name: its place."""

    start: int
    limit: int
    preferred: bool
    name: int


class Symbols(NamedTuple):
    """What a file tells of places in its code.

    linked: the address as linked of each place, by its offset in the file; names: mangled as they are, by that address;
    build_id: GNU's, in hex, or ""; lines: whether there is debugging information; fault: why there are no names"""

    linked: Mapping[int, int]
    names: Mapping[int, bytes]
    build_id: str
    lines: bool
    fault: str = ""


def symbols_at(offsets: Iterable[int]) -> Reading[Symbols]:
    """What an executable tells of the code at these offsets in it. Raises Unreadable for a file that is none."""
    elf = yield from read_elf()
    linked = {offset: address for offset in offsets if (address := _linked(elf, offset)) is not None}
    return (yield from _symbols(elf, linked))


def symbols_of(addresses: Iterable[int]) -> Reading[Symbols]:
    """The same of a separate file of debugging information, which lacks the code. addresses: as linked."""
    elf = yield from read_elf()
    return (yield from _symbols(elf, {address: address for address in addresses}))


def _symbols(elf: Elf, linked: Mapping[int, int]) -> Reading[Symbols]:
    fault, names = "", dict[int, bytes]()
    try:
        names = yield from _names(elf, sorted(set(linked.values())))
    except Unreadable as why:
        fault = str(why)
    return Symbols(linked, names, elf.build_id, elf.sections.keys() >= LINES, fault)


def _names(elf: Elf, addresses: Sequence[int]) -> Reading[dict[int, bytes]]:
    """The names of the functions at these addresses, which are in order. Those without one are left out."""
    symbols, strings = _tables(elf)
    if symbols.size > LARGEST:
        raise Unreadable(f"has more than {LARGEST >> 20} MiB of symbols")
    (table,) = yield from ask(Range(Source.EXE, symbols.offset, symbols.size))
    found = _covering(table, addresses)
    texts = yield from _texts({symbol.name for symbol in found.values()}, strings)
    return {address: name for address, symbol in found.items() if (name := texts.get(symbol.name))}


def _tables(elf: Elf) -> tuple[Section, Section]:
    """The symbols and their names: all, or in a stripped file those that it exports."""
    for symbols, strings in ((".symtab", ".strtab"), (".dynsym", ".dynstr")):
        if symbols in elf.sections and strings in elf.sections and elf.sections[symbols].size:
            return elf.sections[symbols], elf.sections[strings]
    raise Unreadable("has no table of symbols")


def _linked(elf: Elf, offset: int) -> int | None:
    for segment in elf.segments:
        if segment.executable and segment.offset <= offset < segment.offset + segment.size:
            return offset - segment.offset + segment.address
    return None


def _covering(table: bytes, addresses: Sequence[int]) -> dict[int, _Symbol]:
    """The function at each address. addresses: in order."""
    nearest: dict[int, _Symbol] = {}  # by the index of the first address that a symbol may cover
    for name, info, _, section, value, size in SYMBOL.iter_unpack(table[: len(table) // SYMBOL.size * SYMBOL.size]):
        kind, binding = info & 15, info >> 4
        if not section or not (kind in (FUNCTION, INDIRECT) or (kind == UNTYPED and binding == GLOBAL)):
            continue
        at = bisect_left(addresses, value)
        symbol = _Symbol(value, value + size, binding == GLOBAL and kind != UNTYPED, name)
        if at < len(addresses) and (at not in nearest or symbol[:3] > nearest[at][:3]):
            nearest[at] = symbol
    covered, last = dict[int, _Symbol](), None
    for at, address in enumerate(addresses):
        last = nearest.get(at, last)
        if last and (address < last.limit or last.limit == last.start):
            covered[address] = last
    return covered


def _texts(places: set[int], strings: Section) -> Reading[dict[int, bytes]]:
    """The texts at these places in the table of names."""
    runs = _runs(sorted(place for place in places if place < strings.size), strings)
    if sum(run.size for run in runs) > LARGEST:
        raise Unreadable(f"has more than {LARGEST >> 20} MiB of names")
    pieces = (yield from ask(*runs)) if runs else ()
    texts: dict[int, bytes] = {}
    ordered = sorted(places)
    for run, piece in zip(runs, pieces, strict=True):
        begin = run.start - strings.offset
        for place in ordered[bisect_left(ordered, begin) : bisect_left(ordered, begin + run.size)]:
            text = piece[place - begin :][:LONGEST]
            texts[place] = text.partition(b"\0")[0]
    return texts


def _runs(places: Sequence[int], strings: Section) -> list[Range]:
    """Ranges of the file that hold the texts at these places, which are in order."""
    runs: list[tuple[int, int]] = []
    for place in places:
        limit = min(place + LONGEST, strings.size)
        if runs and place <= runs[-1][1] + GAP * PAGE:
            runs[-1] = (runs[-1][0], limit)
        else:
            runs.append((place, limit))
    return [Range(Source.EXE, strings.offset + begin, limit - begin) for begin, limit in runs]

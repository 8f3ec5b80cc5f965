"""The names of functions in an ELF file's table of symbols, by the places in the file where their code lies.

The file lies elsewhere: what is needed of it is asked for, see goheap/ranges.py. Source: the System V ABI, chapter 4.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from app.analysis.goheap.elf import Elf, Section, read_elf
from app.analysis.goheap.ranges import PAGE, Range, Reading, Source, Unreadable, ask

SYMBOL: Final = Struct("<IBBHQQ")  # name, type and binding, -, section, value, size
FUNCTION, INDIRECT, UNTYPED = 2, 10, 0  # types
GLOBAL: Final = 1  # a binding
LARGEST: Final = 48 << 20  # bytes of a table, and of the names that are read
LONGEST: Final = 4096  # bytes of a name
GAP: Final = 8  # pages between two names that are read with them


class _Symbol(NamedTuple):
    """start, limit: addresses as linked; the limit is the start where the table does not tell; name: its place."""

    start: int
    limit: int
    preferred: bool
    name: int


def names_at(offsets: Iterable[int]) -> Reading[dict[int, bytes]]:
    """The names, mangled as they are, of the functions whose code lies at these offsets in the file.

    Those without one are left out. Raises Unreadable for a file that has no table of symbols, or too large a one."""
    elf = yield from read_elf()
    linked = {offset: address for offset in offsets if (address := _linked(elf, offset)) is not None}
    symbols, strings = _tables(elf)
    if symbols.size > LARGEST:
        raise Unreadable(f"has more than {LARGEST >> 20} MiB of symbols")
    (table,) = yield from ask(Range(Source.EXE, symbols.offset, symbols.size))
    found = _covering(table, sorted(set(linked.values())))
    texts = yield from _texts({symbol.name for symbol in found.values()}, strings)
    names = {offset: texts.get(found[address].name, b"") for offset, address in linked.items() if address in found}
    return {offset: name for offset, name in names.items() if name}


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
    for run, piece in zip(runs, pieces, strict=True):
        begin = run.start - strings.offset
        for place in places:
            if begin <= place < begin + run.size:
                end = piece.find(b"\0", place - begin)
                texts[place] = piece[place - begin : end if end >= 0 else len(piece)][:LONGEST]
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

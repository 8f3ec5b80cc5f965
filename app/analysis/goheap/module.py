"""The runtime's moduledata: where the tables and the variables of the running program lie in memory."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from app.analysis.goheap.elf import Elf
from app.analysis.goheap.layouts import Layout
from app.analysis.goheap.pclntab import FunctionTable
from app.analysis.goheap.ranges import PAGE, Area, Range, Source, Unreadable

OWN_SECTION, SHARED_SECTION = ".go.module", ".noptrdata"  # the first from Go 1.26 on
SEARCHED_AT_MOST = 8 << 20  # bytes
WORDS = 48
TEXT, TEXT_END, DATA, DATA_END = 22, 23, 24, 34  # the words that bound the code, and all variables


@dataclass(frozen=True, slots=True)
class Module:
    """Addresses in memory. text, text_end: of the code; data, data_end: of the variables; gofunc: of the inlining
    trees"""

    text: int
    text_end: int
    data: int
    data_end: int
    gofunc: int


def bias_of(elf: Elf, areas: tuple[Area, ...], code: int) -> tuple[Area, int]:
    """The mapping of the executable's code, and how far from where it was linked it lies. code: an address of it.

    Raises Unreadable if that cannot be told."""
    for area in areas:
        for segment in elf.segments:
            within = segment.offset - segment.offset % PAGE
            if area.start <= code < area.limit and segment.executable and area.offset == within:
                return area, area.start - (segment.address - segment.address % PAGE)
    raise Unreadable("has its code somewhere else than its executable says")


def place_of(elf: Elf, bias: int) -> Range:
    """Where moduledata lies, alone or among other variables."""
    section = elf.section(OWN_SECTION, SHARED_SECTION)
    if section.size > SEARCHED_AT_MOST:
        raise Unreadable(f"has {section.size >> 20} MiB of variables, too many to look for moduledata")
    return Range(Source.MEM, section.address + bias, section.size)


def module_in(data: bytes, table: FunctionTable, table_at: int, layout: Layout) -> Module:
    """The moduledata in `data` that points to the function table, at `table_at`. Raises Unreadable unless there is
    exactly one."""
    found = [words for words in _candidates(data, table_at) if _points_to(words, table, table_at)]
    if len(found) != 1:
        raise Unreadable(f"has {len(found) or 'no'} moduledata that points to its function table")
    words = found[0]
    if words[layout.sections] != 1 or not words[TEXT] < words[TEXT_END] or not words[DATA] < words[DATA_END]:
        raise Unreadable("has a moduledata of another form than its version of Go")
    return Module(words[TEXT], words[TEXT_END], words[DATA], words[DATA_END], words[layout.gofunc])


def _candidates(data: bytes, table_at: int) -> Iterator[tuple[int, ...]]:
    wanted = struct.pack("<Q", table_at)
    at = data.find(wanted)
    while at >= 0:
        if at % 8 == 0 and at + 8 * WORDS <= len(data):
            yield struct.unpack_from(f"<{WORDS}Q", data, at)
        at = data.find(wanted, at + 1)


def _points_to(words: tuple[int, ...], table: FunctionTable, table_at: int) -> bool:
    return (words[1], words[13], words[16]) == (table_at + table.names, *[table_at + table.functions] * 2)

"""The executable of a running Go program: its tables, and where they lie in the file and in memory."""

from dataclasses import dataclass

from app.analysis.goheap.elf import Elf, read_elf
from app.analysis.goheap.layouts import Layout, layout_of
from app.analysis.goheap.module import Module, bias_of, module_in, place_of
from app.analysis.goheap.pclntab import FunctionTable
from app.analysis.goheap.ranges import Area, Range, Reading, Source, Unreadable, ask

TABLE = (".gopclntab", ".data.rel.ro.gopclntab")  # the second in a PIE before Go 1.26
MACHINES = frozenset({"amd64"})  # the code is there for arm64 too, which was not yet tried on a real machine
TABLE_AT_MOST = 120 << 20  # bytes of a function table


@dataclass(frozen=True, slots=True)
class Program:
    """bias: how far from where it was linked it lies in memory; code: where its code lies there"""

    layout: Layout
    elf: Elf
    table: FunctionTable
    module: Module
    bias: int
    code: Area

    def in_file(self, address: int, size: int) -> Range:
        """Where the file has what lies at an address in memory. Raises Unreadable if it does not have it."""
        linked = address - self.bias
        for segment in self.elf.segments:
            if segment.address <= linked and linked + size <= segment.address + segment.size:
                return Range(Source.EXE, segment.offset + linked - segment.address, size)
        raise Unreadable("has tables that point outside of its executable")


def read_program(go_version: str, code: int) -> Reading[Program]:
    """The program, in three requests if Go's linker wrote it. code: an address of its code, as /proc/PID/stat has it.

    Raises Unreadable for a program that is not known."""
    layout = layout_of(go_version)
    elf = yield from read_elf()
    if elf.machine not in MACHINES:
        raise Unreadable(f"is a program for {elf.machine or 'another machine'}: only amd64 is read")
    section = elf.section(*TABLE)
    if section.size > TABLE_AT_MOST:
        raise Unreadable(f"has a function table of {section.size >> 20} MiB, more than is read")
    answer = yield (Range(Source.EXE, section.offset, section.size),)
    table, (area, bias) = FunctionTable(answer.pieces[0]), bias_of(elf, answer.areas, code)
    (data,) = yield from ask(place_of(elf, bias))
    return Program(layout, elf, table, module_in(data, table, section.address + bias, layout), bias, area)

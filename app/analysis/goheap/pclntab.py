"""A Go program's function table, the section .gopclntab: which function a program counter lies in, and what is known of
it. Stripping leaves it. Sources: runtime/symtab.go and cmd/link/internal/ld/pcln.go of Go 1.20 to 1.27, which write the
same form.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from app.analysis.goheap.ranges import Unreadable

MAGIC = 0xFFFFFFF1  # of Go 1.20 and later
HEADER = struct.Struct("<IBBBBQQQQQQQQ")
LONGEST_NAME = 4096  # bytes
STEPS_AT_MOST = 1 << 18  # of one function's table
INLINE_INDEX, INLINE_TREE = 2, 3  # PCDATA_InlTreeIndex, FUNCDATA_InlTree
NONE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Function:
    """entry: offset from the begin of the program's text; at: where its record lies in the table; id: abi.FuncID, not 0
    for a few special functions"""

    entry: int
    at: int
    name: bytes
    start_line: int
    id: int


class FunctionTable:
    """The table in `data`. Raises Unreadable for anything else than such a table."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER.size:
            raise Unreadable("has an executable whose function table is empty")
        magic, _, _, self.quantum, pointer, count, _, _, *offsets = HEADER.unpack_from(data)
        if magic != MAGIC or pointer != 8:
            raise Unreadable("has an executable whose function table is of a form that is not known")
        self._data = data
        self.names, self._units, self._files, self._tables, self.functions = offsets
        if not max(offsets) <= len(data) or self.functions + 8 * count + 4 > len(data):
            raise Unreadable("has an executable whose function table is cut")
        pairs = struct.unpack_from(f"<{2 * count + 1}I", data, self.functions)
        self._entries, self._records = pairs[0:-1:2], pairs[1::2]
        self.end = pairs[-1]

    def number(self, at: int, form: str = "<I") -> int:
        """The number at this place of the table. Raises Unreadable outside of it."""
        try:
            return int(struct.unpack_from(form, self._data, at)[0])
        except struct.error as error:
            raise Unreadable("has an executable whose function table points outside of itself") from error

    def at(self, offset: int) -> Function | None:
        """The function at an offset from the begin of the text; None outside of all functions."""
        index = bisect_right(self._entries, offset) - 1
        return self._function(index) if index >= 0 and offset < self.end else None

    def named(self, names: Iterable[bytes]) -> dict[bytes, tuple[int, int]]:
        """Those of the functions that there are: where each begins and ends, as offsets from the begin of the text."""
        wanted = {}
        for name in names:
            place = self._data.find(b"\0" + name + b"\0", self.names, self._units)
            if place >= 0:
                wanted[place + 1 - self.names] = name
        limits = (*self._entries[1:], self.end)
        return {
            wanted[offset]: (entry, limit)
            for entry, limit, record in zip(self._entries, limits, self._records, strict=True)
            if (offset := self.number(self.functions + record + 4)) in wanted
        }

    def _function(self, index: int) -> Function:
        at = self.functions + self._records[index]
        name = self.text(self.names + self.number(at + 4))
        return Function(self._entries[index], at, name, self.number(at + 36, "<i"), self.number(at + 40, "<B"))

    def text(self, at: int) -> bytes:
        """The text at this place, up to its NUL."""
        return self._data[at : max(self._data.find(b"\0", at, at + LONGEST_NAME), at)]

    def file(self, function: Function, number: int) -> bytes:
        """The name of a function's source file by its number; b"" without one."""
        unit = self.number(function.at + 32)
        offset = self.number(self._units + 4 * (unit + number)) if number >= 0 else NONE
        return b"" if offset == NONE else self.text(self._files + offset)

    def table(self, function: Function, which: int) -> tuple[list[int], list[int]]:
        """One of a function's tables of values by program counter: the limits, as offsets from the function's entry,
        and the value below each. which: FILES, LINES, or INLINE."""
        start = self.number(function.at + which) if which != INLINE else self._inline_index(function)
        return self._steps(self._tables + start) if start else ([], [])

    def tree(self, function: Function) -> int | None:
        """Where the function's tree of inlined calls lies, as an offset from the section of such data; None without."""
        count = self.number(function.at + 43, "<B")
        if count <= INLINE_TREE:
            return None
        tables = self.number(function.at + 28)
        offset = self.number(function.at + 44 + 4 * (tables + INLINE_TREE))
        return None if offset == NONE else offset

    def _inline_index(self, function: Function) -> int:
        tables = self.number(function.at + 28)
        return self.number(function.at + 44 + 4 * INLINE_INDEX) if tables > INLINE_INDEX else 0

    def _steps(self, at: int) -> tuple[list[int], list[int]]:
        limits: list[int] = []
        values: list[int] = []
        place, value = 0, -1
        while len(limits) < STEPS_AT_MOST:
            delta, at = self._varint(at)
            if delta == 0 and limits:
                break
            value += -(delta & 1) ^ (delta >> 1)
            step, at = self._varint(at)
            place += step * self.quantum
            limits.append(place)
            values.append(value)
        return limits, values

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while shift < 35:
            byte = self.number(at, "<B")
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value & 0xFFFFFFFF, at
        raise Unreadable("has an executable whose function table holds a number without end")


FILES, LINES, INLINE = 20, 24, -1  # the first two: where a function's record has the table's place

"""The file and the line of an address: a unit's program that makes the table of lines. Source: DWARF 5, 6.2."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from app.analysis.dwarf.budget import Budget
from app.analysis.dwarf.forms import Shape, value
from app.analysis.dwarf.numbers import signed, unsigned
from app.analysis.dwarf.units import Unit
from app.analysis.goheap.ranges import Unreadable

LARGEST: Final = 16 << 20  # bytes of a program
MOST: Final = 100_000  # names of files
PATH, DIRECTORY = 1, 2  # what an entry says of a file
COPY: Final = 1  # an opcode
END_SEQUENCE, SET_ADDRESS = 1, 2  # extended opcodes

Registers = tuple[int, int, int]  # address, file, line


class Place(NamedTuple):
    """file: its number in the unit"""

    file: int
    line: int


class Program(NamedTuple):
    """A line program's head: what its opcodes mean, and the code itself."""

    minimum: int
    base: int
    range: int
    first: int
    operands: bytes
    code: bytes


class Lines:
    """The lines of a unit. directory: where it was compiled"""

    def __init__(self, unit: Unit, offset: int, directory: bytes) -> None:
        self._unit, self._directory = unit, directory
        part = unit.sections["line"]
        head = part.at(offset, 12)
        length, wide, at = int.from_bytes(head[:4], "little"), 4, 4
        if length == 0xFFFFFFFF:
            length, wide, at = int.from_bytes(head[4:12], "little"), 8, 12
        if length > LARGEST:
            raise Unreadable("has a table of lines that is too large")
        data = part.at(offset, at + length)
        version, at = int.from_bytes(data[at : at + 2], "little"), at + 2
        if not 2 <= version <= 5:
            raise Unreadable(f"has a table of lines of a version that is not known, {version}")
        if version == 5:
            at += 2
        begin = at + wide + int.from_bytes(data[at : at + wide], "little")
        at += wide
        minimum, at = data[at], at + (3 if version >= 4 else 2)
        base, range_, first = int.from_bytes(data[at : at + 1], "little", signed=True), data[at + 1] or 1, data[at + 2]
        at += 3
        operands = data[at : at + first - 1]
        self._program = Program(minimum, base, range_, first, operands, data[begin:])
        self._shape = Shape(version, wide, unit.shape.address)
        names = data[at + first - 1 : begin]
        self._directories, self._files = self._tables(names) if version == 5 else _old_tables(names)

    def file(self, number: int) -> bytes:
        """The path of a file, as far as it is known."""
        old = self._shape.version < 5
        at = number - old
        if not 0 <= at < len(self._files):
            return b""
        name, directory = self._files[at]
        folders = [self._directory, *self._directories] if old else self._directories
        folder = folders[directory] if directory < len(folders) else b""
        if folder and not folder.startswith(b"/") and self._directory:
            folder = self._directory + b"/" + folder
        return name if name.startswith(b"/") or not folder else folder + b"/" + name

    def _tables(self, data: bytes) -> tuple[list[bytes], list[tuple[bytes, int]]]:
        directories, at = self._entries(data, 0)
        files, _ = self._entries(data, at)
        return [name for name, _ in directories], files

    def _entries(self, data: bytes, at: int) -> tuple[list[tuple[bytes, int]], int]:
        formats, at = data[at], at + 1
        shape = list[tuple[int, int]]()
        for _ in range(formats):
            what, at = unsigned(data, at)
            form, at = unsigned(data, at)
            shape.append((what, form))
        count, at = unsigned(data, at)
        found = list[tuple[bytes, int]]()
        for _ in range(min(count, MOST)):
            self._unit.sections.budget.round()
            name, directory = b"", 0
            for what, form in shape:
                each, at = value(form, data, at, self._shape)
                if what == PATH:
                    name = self._unit.text(each)
                elif what == DIRECTORY:
                    directory = each.number
            found.append((name, directory))
        return found, at

    def places(self, addresses: Sequence[int]) -> dict[int, Place]:
        """Where the code at these addresses, which are in order, was written."""
        found: dict[int, Place] = {}
        wanted = [*addresses, 1 << 65]
        before: tuple[int, int] | None = None
        next_ = 0
        for address, file, line, begins, ends in _rows(self._program, self._unit.sections.budget):
            if begins:
                before, next_ = None, bisect_left(wanted, address)
            while wanted[next_] < address:
                if before:
                    found[wanted[next_]] = Place(*before)
                next_ += 1
            before = None if ends else (file, line)
        return found


def _old_tables(data: bytes) -> tuple[list[bytes], list[tuple[bytes, int]]]:
    """The folders, and the files with the number of their folder, as they are up to version 4."""
    directories, files, at = list[bytes](), list[tuple[bytes, int]](), 0
    while data[at : at + 1] != b"\0":
        end = data.index(b"\0", at)
        directories.append(data[at:end])
        at = end + 1
    at += 1
    while data[at : at + 1] != b"\0":
        end = data.index(b"\0", at)
        directory, at_ = unsigned(data, end + 1)
        files.append((data[at:end], directory))
        for _ in ("time", "size"):
            _, at_ = unsigned(data, at_)
        at = at_
    return directories, files


def _rows(program: Program, budget: Budget) -> Iterator[tuple[int, int, int, bool, bool]]:
    """The rows of the table: address, file, line, and whether a sequence of addresses begins or ends with it."""
    minimum, base, range_, first, _, code = program
    special = [((each // range_) * minimum, base + each % range_) for each in range(256 - first)]
    at, address, file, line, begins = 0, 0, 1, 1, True
    while at < len(code):
        budget.round()
        opcode = code[at]
        at += 1
        if opcode >= first:
            more, lines = special[opcode - first]
            address, line = address + more, line + lines
            yield address, file, line, begins, False
            begins = False
        elif opcode == COPY:
            yield address, file, line, begins, False
            begins = False
        elif opcode:
            at, (address, file, line) = _standard(program, opcode, at, (address, file, line))
        else:
            size, at = unsigned(code, at)
            kind, operand, at = code[at], code[at + 1 : at + size], at + size
            if kind == SET_ADDRESS:
                address = int.from_bytes(operand, "little")
            elif kind == END_SEQUENCE:
                yield address, file, line, begins, True
                address, file, line, begins = 0, 1, 1, True


def _standard(program: Program, opcode: int, at: int, registers: Registers) -> tuple[int, Registers]:
    """Where the next opcode is, and the registers after this one."""
    code, (address, file, line) = program.code, registers
    match opcode:
        case 2:  # advance_pc
            more, at = unsigned(code, at)
            address += more * program.minimum
        case 3:  # advance_line
            more, at = signed(code, at)
            line += more
        case 4:  # set_file
            file, at = unsigned(code, at)
        case 8:  # const_add_pc
            address += (255 - program.first) // program.range * program.minimum
        case 9:  # fixed_advance_pc
            address, at = address + int.from_bytes(code[at : at + 2], "little"), at + 2
        case _:
            for _ in range(program.operands[opcode - 1]):
                _, at = unsigned(code, at)
    return at, (address, file, line)

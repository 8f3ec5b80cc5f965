"""Where the sections and segments of a 64-bit little-endian ELF executable lie. Source: the System V ABI, chapter 4."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from app.analysis.goheap.ranges import Range, Reading, Source, Unreadable, ask

HEAD = 4096  # bytes; Go's linker puts the table of sections there, right behind the segments
SECTIONS_AT_MOST = 512
NAMES_AT_MOST = 64 << 10  # bytes
NOTE = b"GNU\0"
COMPRESSED = 0x800  # SHF_COMPRESSED
ADDRESSES, LARGEST = 1 << 47, 1 << 40  # of a process, and of a file in bytes
MACHINES = {62: "amd64", 183: "arm64"}


@dataclass(frozen=True, slots=True)
class Section:
    """address: as linked; offset, size: in the file, in bytes; compressed: with the header that the ABI gives it."""

    address: int
    offset: int
    size: int
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the file that is mapped: its address as linked, its offset and size in the file."""

    address: int
    offset: int
    size: int
    executable: bool


@dataclass(frozen=True, slots=True)
class Elf:
    """machine: amd64, arm64, or "" for any other; build_id: GNU's, in hex, "" without one"""

    machine: str
    sections: Mapping[str, Section]
    segments: tuple[Segment, ...]
    build_id: str = ""

    def section(self, *names: str) -> Section:
        """The first of these sections that there is. Raises Unreadable if there is none."""
        for name in names:
            if found := self.sections.get(name):
                return found
        raise Unreadable(f"has an executable without a section {names[0]}")


def read_elf() -> Reading[Elf]:
    """The executable's tables: one request where Go's linker wrote them, up to three for others."""
    (head,) = yield from ask(Range(Source.EXE, 0, HEAD))
    if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
        raise Unreadable("has an executable that is no 64-bit little-endian ELF file")
    machine, at, count, names = _header(head)
    table = yield from _within(head, at, count * 64)
    _, _, _, _, names_at, names_size = struct.unpack_from("<IIQQQQ", table, names * 64)
    texts = yield from _within(head, names_at, min(names_size, NAMES_AT_MOST))
    sections = {}
    for entry in range(count):
        name, _, flags, address, offset, size = struct.unpack_from("<IIQQQQ", table, entry * 64)
        _check(address, offset, size)
        text = texts[name : texts.find(b"\0", name)].decode("ascii", "replace")
        sections[text] = Section(address, offset, size, bool(flags & COMPRESSED))
    return Elf(MACHINES.get(machine, ""), sections, _segments(head), _build_id(head, sections))


def _header(head: bytes) -> tuple[int, int, int, int]:
    """The machine; of the table of sections its offset, length and the index of the names."""
    (machine,) = struct.unpack_from("<H", head, 18)
    (at,) = struct.unpack_from("<Q", head, 40)
    size, count, names = struct.unpack_from("<HHH", head, 58)
    if size != 64 or not at or not names < count <= SECTIONS_AT_MOST:
        raise Unreadable("has an executable without a table of sections")
    return machine, at, count, names


def _within(head: bytes, at: int, size: int) -> Reading[bytes]:
    """These bytes of the file: out of its head, if they lie there."""
    _check(0, at, size)
    if at + size <= len(head):
        return head[at : at + size]
    (piece,) = yield from ask(Range(Source.EXE, at, size))
    return piece


def _segments(head: bytes) -> tuple[Segment, ...]:
    (at,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    if size != 56 or at + count * size > len(head):
        raise Unreadable("has an executable without a table of segments")
    entries = [struct.unpack_from("<IIQQQQ", head, at + number * size) for number in range(count)]
    for _, _, offset, address, _, file_size in entries:
        _check(address, offset, file_size)
    return tuple(
        Segment(address, offset, file_size, bool(flags & 1))
        for kind, flags, offset, address, _, file_size in entries
        if kind == 1  # PT_LOAD
    )


def _check(address: int, offset: int, size: int) -> None:
    if address + size >= ADDRESSES or offset + size >= LARGEST:
        raise Unreadable("has an executable with sections that lie nowhere")


def _build_id(head: bytes, sections: Mapping[str, Section]) -> str:
    note = sections.get(".note.gnu.build-id")
    if note is None or note.size > 64 or note.offset + note.size > len(head):
        return ""
    found = head[note.offset : note.offset + note.size]
    return found[16:].hex() if found[12:16] == NOTE else ""

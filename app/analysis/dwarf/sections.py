"""The sections of debugging information, compressed ones too. Sources: the System V ABI, chapter 4; DWARF 5, 7.5."""

import struct
import sys
import zlib
from collections.abc import Iterable
from typing import Final

from app.analysis.dwarf.budget import Budget
from app.analysis.dwarf.source import File
from app.analysis.goheap.elf import Elf, Section
from app.analysis.goheap.ranges import Unreadable

ZLIB, ZSTD = 1, 2  # ELFCOMPRESS_…
HEADER: Final = struct.Struct("<IIQQ")  # kind, -, size, alignment
LARGEST: Final = 256 << 20  # bytes of a section that was compressed
LONGEST: Final = 4096  # bytes of a text
BROKEN: Final = "has a compressed section that is broken"
TEXT: Final = 256  # bytes that most texts are shorter than


class Part:
    """A section, of which only what is asked for is brought home; a compressed one is brought and unpacked whole."""

    def __init__(self, file: File, section: Section | None) -> None:
        self._file, self._section = file, section or Section(0, 0, 0)
        self._unpacked: bytes | None = None
        if section and section.compressed:
            self._unpacked = _unpacked(file.bytes(section.offset, section.size))
        self.size = self._section.size if self._unpacked is None else len(self._unpacked)

    def want(self, runs: Iterable[tuple[int, int]]) -> None:
        """Brings these runs (offset in the section, bytes) at once."""
        if self._unpacked is None:
            cut = ((start, min(size, self.size - start)) for start, size in runs if 0 <= start < self.size)
            self._file.want((self._section.offset + start, size) for start, size in cut)

    def at(self, offset: int, size: int) -> bytes:
        """These bytes; fewer where the section ends."""
        if not 0 <= offset < self.size:
            return b""
        if self._unpacked is not None:
            return self._unpacked[offset : offset + size]
        return self._file.bytes(self._section.offset + offset, min(size, self.size - offset))

    def text(self, offset: int) -> bytes:
        """The text that begins there, without the zero that ends it; the beginning of an overlong one."""
        found = self.at(offset, TEXT)
        if b"\0" not in found:
            found = self.at(offset, LONGEST)
        return found.partition(b"\0")[0]

    def number(self, offset: int, size: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self.at(offset, size), "little")


class Sections:
    """The parts of one ELF file by their names without `.debug_`. budget: what reading them may cost"""

    def __init__(self, file: File, elf: Elf, budget: Budget) -> None:
        self._file, self._elf, self.budget = file, elf, budget
        self._parts: dict[str, Part] = {}

    def __getitem__(self, name: str) -> Part:
        if name not in self._parts:
            self._parts[name] = Part(self._file, self._elf.sections.get(f".debug_{name}"))
        return self._parts[name]


def _unpacked(packed: bytes) -> bytes:
    if len(packed) < HEADER.size:
        raise Unreadable("has a compressed section without a header")
    kind, _, size, _ = HEADER.unpack_from(packed)
    if kind not in (ZLIB, ZSTD):
        raise Unreadable("has debugging information that is compressed, but neither with zlib nor with zstd")
    if size > LARGEST:
        raise Unreadable(f"has a section of more than {LARGEST >> 20} MiB")
    unpack = _of_zlib if kind == ZLIB else _of_zstd
    return unpack(packed[HEADER.size :], size)


def _of_zlib(packed: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error as error:
        raise Unreadable(BROKEN) from error


def _of_zstd(packed: bytes, most: int) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - few files have it
    else:
        from backports import zstd  # noqa: PLC0415
    try:
        return zstd.ZstdDecompressor().decompress(packed, most)
    except (zstd.ZstdError, EOFError) as error:
        raise Unreadable(BROKEN) from error

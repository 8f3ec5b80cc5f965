"""Functions, lines and inlined calls from debugging information, beside those that llvm-symbolizer finds."""

import random
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import pytest

from app.analysis.dwarf.reading import calls_at
from app.analysis.dwarf.sections import HEADER, Part
from app.analysis.dwarf.source import File
from app.analysis.goheap.elf import Elf, Section, read_elf
from app.analysis.goheap.ranges import Answer, Range, Unreadable

DATA = Path(__file__).parents[2] / "data" / "profiles"
TOLD = dict(line.split(" ", 1) for line in (DATA / "orders-gcc-12.lines.txt").read_text().splitlines())
ADDRESSES = [int(address, 16) for address in TOLD]
FILES = ("orders-gcc-12-dwarf5.debug", "orders-gcc-12-dwarf4-gz.elf", "orders-gcc-12-dwarf4-zstd.elf")


def elf_of(data: bytes) -> Elf:
    reading = read_elf()
    try:
        ranges = next(reading)
        while True:
            ranges = reading.send(Answer(pieces(data, ranges), ()))
    except StopIteration as done:
        elf: Elf = done.value
        return elf


def pieces(data: bytes, ranges: Sequence[Range]) -> tuple[bytes, ...]:
    """As the gate answers: zeros for what is not there."""
    return tuple(data[each.start : each.start + each.size].ljust(each.size, b"\0") for each in ranges)


def lines_in(data: bytes) -> dict[str, str]:
    """As the file of llvm-symbolizer's has them."""
    found = calls_at(File(lambda ranges: pieces(data, ranges)), elf_of(data), ADDRESSES)
    return {
        f"{address:#x}": " < ".join(
            f"{call.function.decode('utf-8', 'replace')} {call.file.decode('utf-8', 'replace')}:{call.line}"
            for call in chain
        )
        for address, chain in found.items()
    }


@pytest.mark.parametrize("name", FILES)
def test_functions_and_lines_are_those_of_llvm_symbolizer(name: str) -> None:
    assert lines_in((DATA / name).read_bytes()) == TOLD


def unpacked(data: bytes) -> bytes:
    """A compressed section of these bytes, as it is read."""
    part = Part(File(lambda ranges: pieces(data, ranges)), Section(0, 0, len(data), compressed=True))
    return part.at(0, part.size)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_compressed_section_is_no_larger_than_it_says_and_a_broken_one_says_so(name: str) -> None:
    data = (DATA / name).read_bytes()
    section = elf_of(data).sections[".debug_str"]
    packed = data[section.offset :][: section.size]
    kind, _, size, alignment = HEADER.unpack_from(packed)
    whole = unpacked(packed)
    assert len(whole) == size
    assert unpacked(HEADER.pack(kind, 0, 100, alignment) + packed[HEADER.size :]) == whole[:100]
    for wrong, sentence in (
        (packed[: HEADER.size] + b"\xff" * 40, "has a compressed section that is broken"),
        (HEADER.pack(kind, 0, 1 << 40, alignment) + packed[HEADER.size :], "has a section of more than 256 MiB"),
        (HEADER.pack(3, 0, size, alignment) + packed[HEADER.size :], "neither with zlib nor with zstd"),
        (packed[:10], "has a compressed section without a header"),
    ):
        with pytest.raises(Unreadable, match=sentence):
            unpacked(wrong)


def test_without_the_table_of_addresses_the_units_tell_theirs() -> None:
    data = (DATA / FILES[0]).read_bytes()
    assert b".debug_aranges\0" in data
    assert lines_in(data.replace(b".debug_aranges\0", b".debug_xranges\0")) == TOLD


def test_an_executable_without_debugging_information_says_so() -> None:
    with pytest.raises(Unreadable, match="has no debugging information"):
        lines_in((DATA / "orders-gcc-12.elf").read_bytes())


@pytest.mark.parametrize("name", FILES)
def test_spoiled_debugging_information_breaks_nothing_and_takes_no_longer(name: str) -> None:
    file, draw, began = (DATA / name).read_bytes(), random.Random(11), process_time()  # noqa: S311
    sections = [each for section, each in elf_of(file).sections.items() if section.startswith(".debug_")]
    for _ in range(120):
        spoiled = bytearray(file)
        for _ in range(draw.randint(1, 12)):
            section = draw.choice(sections)
            spoiled[section.offset + draw.randrange(section.size)] = draw.choice(
                (0, 1, 127, 128, 255, draw.randrange(256))
            )
        try:
            lines_in(bytes(spoiled))
        except Unreadable:
            continue
    assert process_time() - began < 30

"""Programs for arm64, cross-built: what is found in their machine code is what their names of variables say.

None of them is run here, so their memory is what their files put into it.
"""

import re
from pathlib import Path

import pytest

from app.analysis.goheap import program
from app.analysis.goheap.buckets import Profiled
from app.analysis.goheap.elf import Elf, read_elf
from app.analysis.goheap.program import read_program
from app.analysis.goheap.ranges import Answer, Area, Range, Reading, Source, T, Unreadable
from app.analysis.goheap.variables import Variables, find_variables
from tests.lab import golang

VAL = 24  # bytes from the begin of runtime.ticks to its val; 8 before Go 1.22


def driven(reading: Reading[T], file: bytes, elf: Elf | None = None) -> T:
    """The result of a reading of which nothing was loaded anywhere else than its file says."""
    segments = elf.segments if elf else ()
    areas = tuple(
        Area(each.address, each.address + each.size, "r-xp" if each.executable else "rw-p", each.offset, 1)
        for each in segments
    )

    def bytes_of(wanted: Range) -> bytes:
        at = wanted.start
        if wanted.source is Source.MEM:
            (at,) = (at - each.address + each.offset for each in segments if 0 <= at - each.address < each.size)
        return file[at : at + wanted.size].ljust(wanted.size, b"\0")

    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(Answer(tuple(map(bytes_of, wanted)), areas))
    except StopIteration as done:
        found: T = done.value
        return found


def variables_of(file: bytes, go_version: str) -> Variables:
    elf = driven(read_elf(), file)
    (code,) = (each.address for each in elf.segments if each.executable)
    read = driven(read_program(go_version, code), file, elf)
    return driven(find_variables(read), file, elf)


def named(binary: Path) -> dict[str, int]:
    """Where the program's own names of variables say that they lie."""
    listed = golang.tool("nm", binary)
    return {m[2]: int(m[1], 16) for m in re.finditer(r"^\s*([0-9a-f]+) [BDbd] (\S+)$", listed, re.MULTILINE)}


@pytest.mark.parametrize(("name", "version", "val"), [("delays-arm64-1.21", "go1.21.13", 8), ("delays-arm64", "", VAL)])
def test_the_variables_of_a_program_for_arm64_are_where_its_names_say(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str, val: int
) -> None:
    monkeypatch.setattr(program, "MACHINES", {"arm64"})
    binary = golang.build(name)
    names = named(binary)
    found = variables_of(binary.read_bytes(), version or golang.version())
    assert found == Variables(
        heads={
            Profiled.HEAP: names["runtime.mbuckets"],
            Profiled.BLOCK: names["runtime.bbuckets"],
            Profiled.MUTEX: names["runtime.xbuckets"],
        },
        cycle=names["runtime.mProfCycle"],
        rate=names["runtime.MemProfileRate"],
        ticks=names["runtime.ticks"] + val,
    )


def test_a_program_for_arm64_is_refused_until_it_was_tried_on_a_real_machine() -> None:
    with pytest.raises(Unreadable, match="is a program for arm64: only amd64 is read"):
        variables_of(golang.build("delays-arm64").read_bytes(), golang.version())

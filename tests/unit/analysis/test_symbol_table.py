"""Names for addresses, read from an executable, beside those that pprof and its demangler give."""

import random
from pathlib import Path

import pytest

from app.analysis.goheap.ranges import Answer, Unreadable
from app.analysis.isolate import symbolize_file, top_of, unnamed_of
from app.analysis.mangled import readable
from app.analysis.symbol_table import symbols_at
from app.analysis.unnamed import Named
from tests.unit.analysis.tables import table

DATA = Path(__file__).parents[2] / "data" / "profiles"
PROFILE, ELF, TOP = (DATA / f"gperftools-2.10-cpp.{end}" for end in ("cpu", "elf", "top.txt"))


def names_in(file: bytes, offsets: set[int]) -> dict[int, bytes]:
    """The names that symbols_at finds, answered out of these bytes as the gate does: zeros for what is not there."""
    reading = symbols_at(offsets)
    try:
        ranges = next(reading)
        while True:
            assert all(each.start >= 0 and each.size < 50 << 20 for each in ranges)
            pieces = (file[each.start : each.start + each.size].ljust(each.size, b"\0") for each in ranges)
            ranges = reading.send(Answer(tuple(pieces), ()))
    except StopIteration as done:
        if done.value.fault:
            raise Unreadable(done.value.fault) from None
        names = {offset: done.value.names.get(at) for offset, at in done.value.linked.items()}
        return {offset: name for offset, name in names.items() if name}


def test_with_the_names_of_the_executable_the_table_is_that_of_pprof(tmp_path: Path) -> None:
    (place,) = [each for each in unnamed_of(PROFILE) if each.file.endswith("/orders")]
    found = names_in(ELF.read_bytes(), {address - place.base for address in place.addresses})
    assert len(found) == len(place.addresses)
    symbolize_file(
        PROFILE, tmp_path / "named", {at: [Named(found[at - place.base].decode())] for at in place.addresses}
    )
    ours, theirs = top_of(tmp_path / "named", 100), TOP.read_text().splitlines()
    assert table(ours, ours.shown_in) == theirs[theirs.index(next(line for line in theirs if "flat%" in line)) + 1 :]
    assert top_of(PROFILE, 100).rows[0].function == "[orders]"


@pytest.mark.parametrize("line", (DATA / "mangled-cpp.tsv").read_text().splitlines()[::4])
def test_a_mangled_name_is_shown_as_pprof_shows_it(line: str) -> None:
    mangled, shown = line.split("\t")
    assert readable(mangled) == shown


RUST = {
    "_ZN41_$LT$T$u20$as$u20$core..Into$LT$U$GT$$GT$4into17h0123456789abcdefE": "<T as core::Into<U>>::into",
    "_ZN3foo28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE": "foo::{{closure}}",
    "_RNvC6_123foo3bar": "123foo::bar",
}  # fmt: skip


def test_names_of_rust_are_shown_and_others_stay() -> None:
    assert {name: readable(name) for name in RUST} == RUST
    for name in ("main", "_Zx", "_Z", "_ZN", "", "main.(*T[...]).Run", "_Z" + "N" * 5000):
        assert readable(name) == name


def test_a_spoiled_executable_is_refused_or_gives_names_and_breaks_nothing() -> None:
    file, draw = ELF.read_bytes(), random.Random(7)  # noqa: S311
    right = set(names_in(file, {0x1300, 0x1400, 1 << 45}).values())
    assert right, "the code lies there"
    for _ in range(300):
        spoiled = bytearray(file)
        for _ in range(draw.randint(1, 40)):
            spoiled[draw.choice((draw.randrange(64), draw.randrange(800), draw.randrange(len(file))))] = draw.randrange(
                256
            )
        try:
            assert all(isinstance(name, bytes) for name in names_in(bytes(spoiled), {0x1300, 0x1400}).values())
        except Unreadable:
            continue
    for cut in (b"", b"\x7fELF", file[:64], file[:4096], b"#!/bin/sh\n"):
        with pytest.raises(Unreadable):
            names_in(cut, {0x1300})

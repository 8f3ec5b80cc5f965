"""Names for a profile with addresses: read where the process has the code, and said to be missing where it has not."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from app.analysis.isolate import unnamed_of
from app.analysis.unnamed import MOST_FILES, Named, Unnamed
from app.errors import Code, Retryable
from app.gate.client import Gate
from app.gate.mapped import CodeArea, Span
from app.gate.memory import PAGE
from app.model import Kind, ProcessId
from app.profilers.base import Fetched
from app.profilers.code_names import _Reading, with_names

DATA = Path(__file__).parents[2] / "data" / "profiles"
PROFILE, ELF = DATA / "gperftools-2.10-cpp.cpu", (DATA / "gperftools-2.10-cpp.elf").read_bytes()
(ORDERS,) = [place for place in unnamed_of(PROFILE) if place.file.endswith("/orders")]
AREA = CodeArea(ORDERS.base, ORDERS.base + (1 << 20), 0, "/srv/orders/orders")
FILE = Fetched(Kind.CPU, PROFILE, PROFILE.stat().st_size)


class Mapped:
    """A gate of a process that has the executable mapped here, or answers this code."""

    def __init__(self, *areas: CodeArea, code: str = "ok", file: bytes = ELF, debug: bytes = b"") -> None:
        self.areas, self.code, self.file, self.debug = areas, code, file, debug

    def mapped(
        self, process: ProcessId, area: CodeArea | None = None, spans: Sequence[Span] = ()
    ) -> tuple[str, bytes, tuple[CodeArea, ...]]:
        if self.code == "lost":
            raise Retryable(Code.HOST_UNREACHABLE, "here: the gate was lost")
        file = self.debug if area and area.debug else self.file
        pages = (file[at * PAGE : (at + count) * PAGE].ljust(count * PAGE, b"\0") for at, count in spans)
        return self.code, b"".join(pages), self.areas


def named(gate: Mapped) -> Fetched:
    return with_names(cast(Gate, gate), ProcessId("boot", 7, 7, "7:7"), FILE)


def test_every_place_in_the_executable_gets_its_name() -> None:
    file = named(Mapped(AREA))
    assert set(file.names) == set(ORDERS.addresses)
    assert file.finding is None


def test_a_stripped_file_gets_names_and_lines_of_the_debugging_information_of_its_very_build() -> None:
    stripped = (DATA / "orders-gcc-12.elf").read_bytes()
    debug = (DATA / "orders-gcc-12-dwarf5.debug").read_bytes()
    build = bytes.fromhex("2d4bd960bc171ab26cce865f16091832897c5a7e")
    assert build in stripped and build in debug
    checkout = ORDERS.base + 0x11E4
    place = Unnamed(AREA.path, ORDERS.base, (checkout, ORDERS.base + 0x1090))
    for of_debug, names in (
        (debug, {*place.addresses}),
        (debug.replace(build, build[::-1]), set[int]()),
        (b"", set[int]()),
    ):
        reading = _Reading(cast(Gate, Mapped(AREA, file=stripped, debug=of_debug)), ProcessId("boot", 7, 7, "7:7"))
        reading.read([place])
        assert set(reading.names) == names
        if names:
            source = "/srv/orders/orders.cpp"
            inlined, outer = reading.names[ORDERS.base + 0x1090]
            assert inlined == Named("_ZN6orders6BasketINS_4ItemEE3addES1_", source, 14)
            assert outer == Named("main", source, 39)


def test_a_host_that_tells_thousands_of_mappings_of_one_place_is_asked_for_few_files() -> None:
    gate = Mapped(*(AREA._replace(path=f"/srv/{number}") for number in range(20_000)))
    assert set(named(gate).names) == set(ORDERS.addresses)
    gate = Mapped(*(CodeArea(at, at + 1, at, f"/{at}") for at in range(1000)), file=b"")
    reading = _Reading(cast(Gate, gate), ProcessId("boot", 7, 7, "7:7"))
    reading.read([Unnamed(AREA.path, 0, tuple(range(1000)))])
    assert len(reading.reasons) == MOST_FILES


def test_files_that_are_not_read_in_time_are_told_as_that() -> None:
    reading = _Reading(cast(Gate, Mapped(AREA)), ProcessId("boot", 7, 7, "7:7"), until=0.0)
    reading.read([ORDERS])
    assert (reading.names, reading.reasons) == ({}, ["orders was not read within 60 s"])


def test_where_the_names_cannot_be_read_the_file_stays_and_a_finding_says_why() -> None:
    elsewhere = AREA._replace(start=AREA.start + PAGE, limit=AREA.limit + PAGE)
    for gate, why in (
        (Mapped(elsewhere), "orders is not where the profile has it"),
        (Mapped(code="verb"), "alertprof gate --config.file F"),
        (Mapped(code="gone"), "the process has ended"),
        (Mapped(code="lost"), "the gate was lost"),
    ):
        file = named(gate)
        assert (file.path, file.names, file.fault) == (PROFILE, {}, "")
        assert file.finding and file.finding.code == "no_names" and why in file.finding.detail

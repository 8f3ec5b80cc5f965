"""Whatever the bytes are: a profile, or BadProfile."""

import contextlib
import gzip
from pathlib import Path
from tempfile import NamedTemporaryFile

from hypothesis import given, settings
from hypothesis import strategies as st

from app.analysis.convert import Format, convert
from app.analysis.names import bare, shown
from app.analysis.profile import BadProfile, read
from app.analysis.shapes import kind_of
from app.analysis.top import top
from app.analysis.tree import tree
from app.analysis.units import format_percent, format_value
from tests.unit.analysis.recorded import PROFILES
from tests.unit.analysis.synthetic import cpu

made = cpu([(["leaf", ("inlined", "host"), "main"], 10), (["main"], 5)])
made.message.drop_frames = made.string("le.*")
PLAIN = made.plain()


def survives(data: bytes) -> None:
    with contextlib.suppress(BadProfile):
        profile = read(data, limit=1 << 20)
        kind_of(profile)
        table = top(profile, 10)
        assert tree(profile).total == table.total
        for row in table.rows:
            format_value(row.flat, table.unit, table.shown_in) + format_percent(row.cum_percent)


@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    survives(data)
    survives(b"\x1f\x8b" + data)
    survives(gzip.compress(data))


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_profile_with_wrong_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(PLAIN)
    for at, byte in changes:
        data[at] = byte
    survives(bytes(data))


@given(st.integers(0, len(PLAIN)), st.integers(0, len(PLAIN)), st.binary(max_size=20))
def test_a_profile_with_a_piece_replaced(begin: int, end: int, piece: bytes) -> None:
    survives(PLAIN[:begin] + piece + PLAIN[end:])
    survives(gzip.compress(PLAIN)[:begin] + piece + gzip.compress(PLAIN)[end:])


LINES = [
    b"main;leaf 3",
    b"a 7/7 [0] 1.0: 5 cpu-clock:",
    b"\t7f main+0x1 (a)",
    b"\t7f [unknown] (/a)",
    b"",
    b"#",
    b"a 7",
]
lines = st.lists(st.sampled_from(LINES) | st.binary(max_size=9), max_size=12)
texts = st.binary(max_size=200) | lines.map(lambda those: b"\n".join([*those, b""]))


@settings(max_examples=400)
@given(texts, st.sampled_from(Format))
def test_any_text_becomes_a_profile_that_is_good_or_a_bad_one(text: bytes, format: Format) -> None:
    with NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        with contextlib.suppress(BadProfile):
            data = convert(format, Path(file.name)).data
            read(data)
            survives(data)


RECORDED_SMALL = [
    (Format.JFR, (PROFILES / "async-profiler-4.5-cpu-alloc-lock.jfr").read_bytes()),
    (Format.OTLP, (PROFILES / "async-profiler-4.5-cpu.otlp").read_bytes()),
    (Format.CPUPROFILE, (PROFILES / "node-20.cpuprofile").read_bytes()),
    (Format.SPEEDSCOPE, (PROFILES / "py-spy-0.4.3.speedscope").read_bytes()),
]


@settings(max_examples=200)
@given(st.sampled_from(RECORDED_SMALL), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=9)), max_size=4))
def test_another_profilers_file_with_pieces_replaced(
    recorded: tuple[Format, bytes], pieces: list[tuple[float, bytes]]
) -> None:
    format, data = recorded
    for place, piece in pieces:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + len(piece) :]
    with NamedTemporaryFile() as file, contextlib.suppress(BadProfile):
        file.write(data)
        file.flush()
        read(convert(format, Path(file.name)).data)


@given(st.text(alphabet="(){}<>[]:.*a ", max_size=40))
def test_a_name_of_brackets(name: str) -> None:
    assert len(shown(name, name)) <= len(name)
    assert len(bare(name)) <= len(name)


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["bytes", "nanoseconds", "count", ""]) | st.text(max_size=5))
def test_any_number_in_any_unit_can_be_printed(value: int, unit: str) -> None:
    assert format_value(value, unit)

"""Flight recordings made into pprof, beside what async-profiler's own converter makes of them."""

from pathlib import Path

import pytest

from app.analysis.convert import Format, convert
from app.analysis.profile import BadProfile, Profile, ValueType
from tests.unit.analysis.recorded import PROFILES, converted, flat, folded, told, totals

ALL = PROFILES / "async-profiler-4.5-cpu-alloc-lock.jfr"
CHUNKS = PROFILES / "async-profiler-4.5-wall-chunks.jfr"
JDK = PROFILES / "jdk-25.jfr"
HEADER = 68  # bytes


def jfr(path: Path) -> Profile:
    return converted(Format.JFR, path)


def made(tmp_path: Path, data: bytes) -> Profile:
    path = tmp_path / "recording.jfr"
    path.write_bytes(data)
    return jfr(path)


def refused(tmp_path: Path, data: bytes) -> str:
    with pytest.raises(BadProfile) as caught:
        made(tmp_path, data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("recording", "folded_by_jfrconv", "type", "unit"),
    [
        (ALL, "async-profiler-4.5-cpu-alloc-lock.cpu.folded", "samples", "count"),
        (ALL, "async-profiler-4.5-cpu-alloc-lock.alloc.folded", "alloc_space", "bytes"),
        (ALL, "async-profiler-4.5-cpu-alloc-lock.lock.folded", "delay", "nanoseconds"),
        (CHUNKS, "async-profiler-4.5-wall-chunks.wall.folded", "wall_samples", "count"),
        (JDK, "jdk-25.alloc.folded", "alloc_samples", "count"),
        (JDK, "jdk-25.cputime.folded", "samples", "count"),
    ],
)
def test_the_stacks_are_those_of_async_profilers_converter(
    recording: Path, folded_by_jfrconv: str, type: str, unit: str
) -> None:
    expected = told(PROFILES / folded_by_jfrconv)
    assert expected and folded(jfr(recording), ValueType(type, unit)) == expected


def test_each_kind_of_event_has_its_own_unit() -> None:
    assert totals(jfr(ALL)) == {
        ("contentions", "count"): 12,
        ("delay", "nanoseconds"): 678201962,
        ("alloc_samples", "count"): 84,
        ("alloc_space", "bytes"): 17203200,
        ("samples", "count"): 37,
        ("cpu", "nanoseconds"): 37 * 5_000_000,  # recorded with interval=5ms
    }


def test_waiting_is_wall_time_and_no_cpu() -> None:
    found = totals(jfr(CHUNKS))
    assert found["wall", "nanoseconds"] == 821 * 200_000_000, "recorded with wall=200ms"
    assert found["cpu", "nanoseconds"] == found["samples", "count"] * 50_000_000
    assert list(found)[-1] == ("cpu", "nanoseconds"), "which is what pprof shows first"


def test_the_jdks_events_are_told_apart() -> None:
    """The sums of what `jfr print` of JDK 25 prints. Parking is no contention, and two samplers are not added up."""
    assert totals(jfr(JDK)) == {
        ("parks", "count"): 244,
        ("park", "nanoseconds"): 569564100,
        ("contentions", "count"): 14,
        ("delay", "nanoseconds"): 893502455,
        ("alloc_samples", "count"): 100,
        ("alloc_space", "bytes"): 61030096,
        ("ExecutionSamples", "count"): 8,
        ("ExecutionSample", "nanoseconds"): 80_000_000,  # with a period of 10 ms
        ("samples", "count"): 22,
        ("cpu", "nanoseconds"): 220_000_000,
    }


def test_lines_are_kept_and_the_library_of_native_code_is_its_file() -> None:
    message = jfr(ALL).message
    files = {message.string_table[f.name].decode(): message.string_table[f.filename].decode() for f in message.function}
    assert files["Burn.leaf"] == "" and files["start_thread"] == "libc.so.6"
    leaf = next(f.id for f in message.function if message.string_table[f.name] == b"Burn.leaf")
    assert 4 in {line.line for location in message.location for line in location.line if line.function_id == leaf}


def test_of_a_killed_process_the_whole_chunks_are_read(tmp_path: Path) -> None:
    whole, data = folded(jfr(CHUNKS), ValueType("samples", "count")), CHUNKS.read_bytes()
    second = data.index(b"FLR\0", 4)
    assert folded(made(tmp_path, data[:second]), ValueType("samples", "count")) != whole
    first = made(tmp_path, data[:second])
    for cut in (second + 40, second + HEADER, second + 2000):
        assert flat(made(tmp_path, data[:cut])) == flat(first)
    unfinished = data[:second] + data[second : second + 8] + bytes(8) + data[second + 16 :]  # its size is not yet known
    assert flat(made(tmp_path, unfinished)) == flat(first)


def test_what_follows_the_whole_chunks_is_told(tmp_path: Path) -> None:
    assert convert(Format.JFR, CHUNKS).note == ""
    path, data = tmp_path / "cut.jfr", CHUNKS.read_bytes()
    path.write_bytes(data[:-1000])
    rest = len(data) - 1000 - data.index(b"FLR\0", 4)
    said = f"the last {rest} bytes are a chunk without an end, as of a process that was killed"
    assert convert(Format.JFR, path).note == said


def test_a_recording_without_a_whole_chunk_says_so(tmp_path: Path) -> None:
    assert refused(tmp_path, ALL.read_bytes()[:5000]) == (
        "none of its chunks is whole: it ends within the first one, after 5000 bytes"
    )


@pytest.mark.parametrize("data", [b"", b"FL", b"main;leaf 1\n" * 20, bytes(100)])
def test_what_is_no_recording_is_said(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data) == "no flight recording"


def test_another_version_is_said(tmp_path: Path) -> None:
    data = bytearray(ALL.read_bytes())
    data[5] = 9
    assert refused(tmp_path, bytes(data)).startswith("a flight recording of version 9.0")


@pytest.mark.parametrize("place", [16, 24])  # of the constants and of the metadata
def test_parts_outside_of_the_chunk_are_said(tmp_path: Path, place: int) -> None:
    data = bytearray(ALL.read_bytes())
    data[place : place + 8] = b"\x7f" * 8
    assert refused(tmp_path, bytes(data)).startswith("a part of a chunk is said to be outside of it, at byte ")

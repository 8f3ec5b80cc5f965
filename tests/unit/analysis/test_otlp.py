"""Profiles of OTLP made into pprof."""

from pathlib import Path
from typing import Any

import pytest

from app.analysis.convert import Format, convert
from app.analysis.otlp import FIELDS
from app.analysis.profile import BadProfile, Profile
from app.analysis.schema import message_class
from app.model import Kind
from tests.unit.analysis.recorded import PROFILES, converted, flat, folded, totals

CPU, ALLOC, EARLIER = (
    PROFILES / f"async-profiler-{name}.otlp" for name in ("4.5-cpu", "4.5-alloc", "4.3-cpu")
)  # fmt: skip
STRINGS = [b"", b"samples", b"count", b"cpu", b"nanoseconds", b"main", b"leaf", b"app.c", b"/usr/lib/libc.so.6", b"ms"]
OLDER = {
    **FIELDS,
    "Profile": (("sample_type", 1, "*ValueType"), ("samples", 2, "*Sample"), ("locations", 3, "*int32")),
    "Sample": (("start", 1, "int32"), ("length", 2, "int32"), ("value", 3, "*int64")),
}


def message(**profile: Any) -> Any:
    made = message_class("tests.otlp", FIELDS, "ProfilesData")()
    of = made.dictionary
    of.strings.extend(STRINGS)
    of.functions.add()
    of.functions.add(name=5, filename=7)
    of.functions.add(name=6)
    of.mappings.add()
    of.mappings.add(filename=8)
    of.locations.add()
    of.locations.add().lines.add(function=1, line=7)
    inlined = of.locations.add()
    inlined.lines.add(function=2)
    inlined.lines.add(function=1)
    of.locations.add(mapping=1, address=0x1234)
    for locations in ([], [1], [2], [3, 1]):
        of.stacks.add(locations=locations)
    made.resource_profiles.add().scope_profiles.add().profiles.add(**profile)
    return made


def made(tmp_path: Path, message: Any) -> Profile:
    path = tmp_path / "a.otlp"
    path.write_bytes(message.SerializeToString())
    return converted(Format.OTLP, path)


def refused(tmp_path: Path, message: Any) -> str:
    with pytest.raises(BadProfile) as caught:
        made(tmp_path, message)
    return str(caught.value)


def test_what_async_profiler_wrote_is_read() -> None:
    assert totals(converted(Format.OTLP, CPU)) == {("samples", "count"): 31, ("cpu", "nanoseconds"): 31 * 5_000_000}
    assert convert(Format.OTLP, CPU).kind is Kind.CPU
    assert max(flat(converted(Format.OTLP, CPU)).items(), key=lambda each: each[1])[0] == "Burn.leaf"
    assert totals(converted(Format.OTLP, ALLOC)) == {("object_sampler", "bytes"): 23552000}
    assert convert(Format.OTLP, ALLOC).kind is Kind.OTHER


def test_an_earlier_layout_is_said() -> None:
    with pytest.raises(
        BadProfile, match=r"^profiles of OTLP in an earlier layout than that of opentelemetry-proto 1\.10"
    ):
        converted(Format.OTLP, EARLIER)


def test_the_layout_before_that_is_said_too(tmp_path: Path) -> None:
    older = message_class("tests.otlp.older", OLDER, "ProfilesData")()
    older.dictionary.strings.extend(STRINGS)
    profile = older.resource_profiles.add().scope_profiles.add().profiles.add(locations=[1, 2])
    profile.samples.add(start=0, length=1, value=[3])
    assert refused(tmp_path, older).startswith("profiles of OTLP in an earlier layout")


def test_inlined_functions_are_frames_and_code_without_symbols_has_its_address(tmp_path: Path) -> None:
    profile = made(
        tmp_path,
        message(
            sample_type={"type": 3, "unit": 4}, samples=[{"stack": 1, "values": [5]}, {"stack": 2, "values": [7]},
                                                         {"stack": 3, "values": [11]}]
        ),
    )  # fmt: skip
    assert folded(profile, profile.sample_types[0]) == {"main": 5, "main;leaf": 7, "main;libc.so.6+0x1234": 11}
    names = profile.message.string_table
    assert {(names[f.name], names[f.filename]) for f in profile.message.function} >= {(b"main", b"app.c")}
    assert 7 in {line.line for location in profile.message.location for line in location.line}


def test_times_are_in_nanoseconds_and_counted_samples_have_their_periods_time(tmp_path: Path) -> None:
    timed = message(sample_type={"type": 3, "unit": 9}, samples=[{"stack": 1, "values": [5, 1]}])
    assert totals(made(tmp_path, timed)) == {("cpu", "nanoseconds"): 6_000_000}
    counted = message(
        sample_type={"type": 1, "unit": 2}, period_type={"type": 3, "unit": 4}, period=50,
        samples=[{"stack": 1, "timestamps": [1, 2, 3]}],
    )  # fmt: skip
    assert totals(made(tmp_path, counted)) == {("samples", "count"): 3, ("cpu", "nanoseconds"): 150}


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([{"stack": 9, "values": [1]}], "the dictionary has no stacks[9]"),
        ([{"stack": -1, "values": [1]}], "the dictionary has no stacks[-1]"),
    ],
)
def test_what_the_dictionary_does_not_have_is_said(tmp_path: Path, samples: Any, said: str) -> None:
    assert refused(tmp_path, message(sample_type={"type": 3, "unit": 4}, samples=samples)) == said


@pytest.mark.parametrize("data", [b"", b"main 1\n", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xff" * 30])
def test_what_is_no_otlp_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.otlp"
    path.write_bytes(data)
    with pytest.raises(BadProfile, match=r"^no profiles of OTLP: "):
        converted(Format.OTLP, path)

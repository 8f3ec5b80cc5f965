"""speedscope's files and Chrome traces made into pprof."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.analysis.convert import Format, convert
from app.analysis.profile import BadProfile, Profile
from app.analysis.stacks import Options
from app.model import Kind
from tests.unit.analysis.recorded import PROFILES, converted, flat, totals

SPEEDSCOPE, TRACE = PROFILES / "py-spy-0.4.3.speedscope", PROFILES / "py-spy-0.4.3.chrometrace"
FRAMES = [{"name": "main", "file": "app.py", "line": 3}, {"name": "leaf"}]


def made(tmp_path: Path, format: Format, content: Any, sample: str = "") -> Profile:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    return converted(format, path, sample)


def scope(tmp_path: Path, sample: str = "", **profile: Any) -> Profile:
    return made(tmp_path, Format.SPEEDSCOPE, {"shared": {"frames": FRAMES}, "profiles": [profile]}, sample)


def refused(tmp_path: Path, format: Format, content: Any) -> str:
    with pytest.raises(BadProfile) as caught:
        made(tmp_path, format, content)
    return str(caught.value)


def test_of_what_py_spy_wrote_the_time_is_that_of_its_threads() -> None:
    content, profile = json.loads(SPEEDSCOPE.read_bytes()), converted(Format.SPEEDSCOPE, SPEEDSCOPE)
    found = totals(profile)
    assert found["time", "nanoseconds"] == round(sum(each["endValue"] for each in content["profiles"]) * 1e9)
    assert found["samples", "count"] == sum(len(each["samples"]) for each in content["profiles"])
    assert {"leaf", "leaf.<locals>.<genexpr>"} <= flat(profile).keys()


def test_memrays_allocations_are_counted_and_its_rows_are_not() -> None:
    profile = converted(Format.SPEEDSCOPE, PROFILES / "memray-1.20.speedscope")
    assert totals(profile) == {("samples", "count"): 72, ("space", "bytes"): 3_047_578}, "as memray summary has them"
    assert flat(profile, "samples")["leaf"] == 30 and 3_000_000 <= flat(profile, "space")["leaf"] < 3_002_000


def test_viztracers_calls_take_the_time_of_the_outermost() -> None:
    profile = converted(Format.CHROME_TRACE, PROFILES / "viztracer-1.1.chrometrace")
    assert totals(profile) == {("time", "nanoseconds"): 558_363_912}
    assert flat(profile)["leaf (app.py:1)"] == 558_141_808


def test_sample_types_of_one_name_are_told_apart_since_pprof_drops_both(tmp_path: Path) -> None:
    profiles = [{"type": "sampled", "unit": unit, "samples": [[0]], "weights": [2]} for unit in ("seconds", "bytes")]
    content = {"shared": {"frames": FRAMES}, "profiles": profiles}
    found = totals(made(tmp_path, Format.SPEEDSCOPE, content, "wall"))
    assert list(found) == [("samples", "count"), ("wall", "nanoseconds"), ("wall_bytes", "bytes")]


def test_of_py_spys_trace_the_time_is_that_between_its_events() -> None:
    profile = converted(Format.CHROME_TRACE, TRACE)
    assert list(totals(profile)) == [("time", "nanoseconds")]
    times: dict[int, list[int]] = {}
    for event in json.loads(TRACE.read_bytes()):
        times.setdefault(event["tid"], []).append(event["ts"])
    most = sum(max(each) - min(each) for each in times.values()) * 1000
    assert most * 0.9 < totals(profile)["time", "nanoseconds"] <= most
    assert flat(profile)["leaf.<locals>.<genexpr>"] > 0.4 * most


@pytest.mark.parametrize(("format", "path"), [(Format.SPEEDSCOPE, SPEEDSCOPE), (Format.CHROME_TRACE, TRACE)])
def test_the_rule_says_whether_the_time_is_cpu(format: Format, path: Path) -> None:
    assert convert(format, path).kind is Kind.OTHER
    assert convert(format, path, Options(sample="cpu")).kind is Kind.CPU
    assert list(totals(converted(format, path, "wall")))[-1] == ("wall", "nanoseconds")


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("nanoseconds", {("samples", "count"): 2, ("time", "nanoseconds"): 5}),
        ("milliseconds", {("samples", "count"): 2, ("time", "nanoseconds"): 5_000_000}),
        ("seconds", {("samples", "count"): 2, ("time", "nanoseconds"): 5_000_000_000}),
        ("bytes", {("samples", "count"): 2, ("space", "bytes"): 5}),
        ("none", {("samples", "count"): 5}),
    ],
)
def test_weights_are_in_the_files_unit(tmp_path: Path, unit: str, expected: dict[tuple[str, str], int]) -> None:
    profile = scope(tmp_path, type="sampled", unit=unit, samples=[[0, 1], [0]], weights=[2, 3])
    assert totals(profile) == expected
    total = expected[profile.sample_types[-1].type, profile.sample_types[-1].unit]
    assert flat(profile) == {"leaf": total * 2 // 5, "main": total * 3 // 5}


def test_of_calls_the_time_between_two_events_is_the_open_stacks(tmp_path: Path) -> None:
    events = [{"type": kind, "frame": frame, "at": at} for kind, frame, at in
              [("O", 0, 1), ("O", 1, 3), ("C", 1, 6), ("C", 0, 10), ("O", 1, 20), ("C", 1, 21)]]  # fmt: skip
    profile = scope(tmp_path, type="evented", unit="nanoseconds", events=events)
    assert flat(profile) == {"main": 2 + 4, "leaf": 3 + 1}


def test_threads_of_a_trace_are_kept_apart_and_other_phases_passed_over(tmp_path: Path) -> None:
    events = [
        {"ph": "M", "name": "thread_name"},
        {"ph": "B", "name": "a", "pid": 1, "tid": 1, "ts": 0, "args": {"filename": "a.py", "line": 7}},
        {"ph": "B", "name": "b", "pid": 1, "tid": 2, "ts": 1},
        {"ph": "E", "name": "a", "pid": 1, "tid": 1, "ts": 5},
        {"ph": "E", "name": "b", "pid": 1, "tid": 2, "ts": 3},
    ]
    assert flat(made(tmp_path, Format.CHROME_TRACE, events)) == {"a": 5000, "b": 2000}
    assert flat(made(tmp_path, Format.CHROME_TRACE, {"traceEvents": events})) == {"a": 5000, "b": 2000}


TRACES = {  # from speedscope's samples and from what Chrome 65 and 116 write: the calls are the same
    "calls that are one event": [("X", "a", 0, 10), ("X", "b", 2, 3), ("B", "c", 6), ("E", "c", 9)],
    "no order": [("E", "c", 9), ("X", "b", 2, 3), ("B", "c", 6), ("E", "a", 10), ("B", "a", 0)],
    "one end for two calls": [("B", "a", 0), ("X", "b", 2, 3), ("B", "c", 6), ("X", "d", 9, 1), ("E", "a", 10)],
    "no end": [("B", "a", 0), ("X", "b", 2, 3), ("X", "c", 6, 3), ("B", "d", 9), ("E", "d", 10)],
}


@pytest.mark.parametrize("name", TRACES)
def test_the_calls_of_a_trace_nest_however_they_are_written(tmp_path: Path, name: str) -> None:
    events = [dict(zip(("ph", "name", "ts", "dur"), event, strict=False)) for event in TRACES[name]]
    found = flat(made(tmp_path, Format.CHROME_TRACE, events))
    assert found["b"] == 3000 and sum(found.values()) == 10_000
    if "d" not in found:
        assert found == {"a": 4000, "b": 3000, "c": 3000}


def test_ends_without_a_begin_and_calls_that_overlap_are_said(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    events = [{"ph": "E", "name": "early", "ts": 0}, {"ph": "X", "name": "a", "ts": 1, "dur": 5}]
    path.write_text(json.dumps([*events, {"ph": "X", "name": "b", "ts": 4, "dur": 5}]))
    made = convert(Format.CHROME_TRACE, path)
    assert made.note == "calls that overlap, and ends of calls without a begin, are cut or left out: 2"
    assert flat(converted(Format.CHROME_TRACE, path)) == {"a": 3000, "b": 2000}


def test_a_line_that_is_no_number_is_none(tmp_path: Path) -> None:
    event = {"ph": "X", "name": "a", "ts": 1, "dur": 5, "args": {"filename": "a.py", "line": True}}
    assert flat(made(tmp_path, Format.CHROME_TRACE, [event])) == {"a": 5000}


@pytest.mark.parametrize("end", ["", "\n", ",\n"])
def test_a_trace_of_a_program_that_was_killed_may_lack_its_end(tmp_path: Path, end: str) -> None:
    path = tmp_path / "file.json"
    path.write_text('[{"ph": "X", "name": "a", "ts": 1, "dur": 5}' + end)
    assert flat(converted(Format.CHROME_TRACE, path)) == {"a": 5000}
    path.write_text('[{"ph": "X", "name": "a", "ts": 1, "du' + end)
    with pytest.raises(BadProfile, match="no whole JSON"):
        convert(Format.CHROME_TRACE, path)


def test_calls_without_an_end_last_as_long_as_their_profile(tmp_path: Path) -> None:
    events = [{"type": "O", "frame": 0, "at": 2}]
    profile = scope(tmp_path, type="evented", unit="nanoseconds", events=events, endValue=9)
    assert flat(profile) == {"main": 7}


def test_an_empty_trace_is_of_an_idle_process(tmp_path: Path) -> None:
    assert totals(made(tmp_path, Format.CHROME_TRACE, [])) == {("time", "nanoseconds"): 0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"ph": "E", "ts": 1}], "a trace without calls: no event of the phases B and X begins one"),
        ([{"ph": "B", "ts": None}], "event 1: ts is no number of 64 bits"),
        ([{"ph": "B", "ts": 1e308}], "event 1: ts is no number of 64 bits"),
        ([{"ph": "X", "ts": 1, "dur": -2}], "event 1: dur is negative"),
        ([{"ph": "i", "ts": 1}], "a trace without calls: no event of the phases B and X begins one"),
        ({"traceEvents": 3}, "no Chrome trace: it is no list"),
        ({"nodes": []}, "no Chrome trace: it is no list"),
        ([3], "event 1 is no object"),
    ],
)
def test_a_broken_trace_is_said_with_the_event(tmp_path: Path, content: Any, said: str) -> None:
    assert refused(tmp_path, Format.CHROME_TRACE, content) == said


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"type": "sampled", "unit": "seconds", "samples": [[2]], "weights": [1]},
         "profiles[0].samples[0] is no index from 0 to 1"),
        ({"type": "sampled", "unit": "seconds", "samples": [[-1]], "weights": [1]},
         "profiles[0].samples[0] is no index from 0 to 1"),
        ({"type": "sampled", "unit": "seconds", "samples": [[0]], "weights": []},
         "profiles[0] has 1 samples, but 0 weights"),
        ({"type": "sampled", "unit": "parsecs"}, "profiles[0].unit is none that speedscope knows"),
        ({"type": "other", "unit": "none"}, "profiles[0].type is neither sampled nor evented"),
        ({"type": "evented", "unit": "none", "events": [{"type": "C", "frame": 0, "at": 1}]},
         "event 1 ends a call that has not begun"),
        ({"type": "evented", "unit": "none",
          "events": [{"type": "O", "frame": 0, "at": 1}, {"type": "C", "frame": 1, "at": 2}]},
         "event 2 ends another call than the innermost"),
    ],
)  # fmt: skip
def test_a_broken_file_of_speedscope_is_said_with_the_place(tmp_path: Path, profile: Any, said: str) -> None:
    content = {"shared": {"frames": FRAMES}, "profiles": [profile]}
    assert refused(tmp_path, Format.SPEEDSCOPE, content) == said


def test_other_json_is_no_file_of_speedscope(tmp_path: Path) -> None:
    assert refused(tmp_path, Format.SPEEDSCOPE, {"nodes": []}) == "no file of speedscope: shared is no object"

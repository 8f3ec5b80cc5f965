"""V8's CPU profiles made into pprof."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.analysis.convert import Format, convert
from app.analysis.profile import BadProfile, Profile
from app.model import Kind
from tests.unit.analysis.recorded import PROFILES, converted, flat, totals

NODE = PROFILES / "node-20.cpuprofile"


def node(id: int, name: str, *children: int, **more: Any) -> dict[str, Any]:
    frame = {"functionName": name, "url": f"file:///srv/{name}.js", "lineNumber": id * 10, "columnNumber": 3}
    return {"id": id, "callFrame": frame, "children": list(children), **more}


TREE = [node(1, "(root)", 2, 4, 5), node(2, "main", 3), node(3, "leaf"), node(4, "(idle)"), node(5, "")]


def made(tmp_path: Path, **content: Any) -> Profile:
    path = tmp_path / "a.cpuprofile"
    path.write_text(json.dumps({"nodes": TREE, **content}))
    return converted(Format.CPUPROFILE, path)


def refused(tmp_path: Path, **content: Any) -> str:
    with pytest.raises(BadProfile) as caught:
        made(tmp_path, **content)
    return str(caught.value)


def test_what_node_wrote_is_read() -> None:
    content, profile = json.loads(NODE.read_bytes()), converted(Format.CPUPROFILE, NODE)
    found = totals(profile)
    assert found["samples", "count"] == len(content["samples"])
    recorded = content["endTime"] - content["startTime"] - content["timeDeltas"][0]
    assert found["wall", "nanoseconds"] == recorded * 1000, "from the first sample to the end"
    assert max(flat(profile), key=flat(profile).__getitem__) == "leaf"
    assert "(idle)" in flat(profile, "wall") and "(idle)" not in flat(profile, "cpu")
    assert convert(Format.CPUPROFILE, NODE).kind is Kind.CPU


def test_a_sample_lasts_until_the_next_one_and_the_last_until_the_end(tmp_path: Path) -> None:
    profile = made(tmp_path, startTime=1000, endTime=1100, samples=[3, 2, 4], timeDeltas=[10, 20, 30])
    assert flat(profile, "cpu") == {"leaf": 20_000, "main": 30_000}
    assert flat(profile, "wall") == {"leaf": 20_000, "main": 30_000, "(idle)": 40_000}
    assert flat(profile, "samples") == {"leaf": 1, "main": 1, "(idle)": 1}


def test_samples_that_are_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    profile = made(tmp_path, startTime=0, endTime=60, samples=[3, 2, 3], timeDeltas=[10, 40, -20])
    assert flat(profile, "cpu") == {"leaf": 20_000 + 20_000, "main": 10_000}


def test_an_end_before_the_last_sample_takes_no_time_away(tmp_path: Path) -> None:
    assert flat(made(tmp_path, startTime=0, endTime=5, samples=[3, 2], timeDeltas=[10, 40])) == {"leaf": 40_000}


def test_without_times_samples_are_only_counted(tmp_path: Path) -> None:
    assert totals(made(tmp_path, samples=[3, 3, 2])) == {("samples", "count"): 3}


def test_without_samples_the_hits_of_the_nodes_count(tmp_path: Path) -> None:
    profile = made(tmp_path, nodes=[node(1, "(root)", 2), node(2, "main", hitCount=7)])
    assert flat(profile) == {"main": 7}


def test_callers_may_be_named_by_their_children(tmp_path: Path) -> None:
    profile = made(
        tmp_path, nodes=[node(1, "(root)"), node(2, "main", parent=1), node(3, "leaf", parent=2)], samples=[3]
    )
    assert list(flat(profile)) == ["leaf"] and len(profile.message.sample[0].location_id) == 2


def test_file_and_line_are_kept_and_lines_begin_with_one(tmp_path: Path) -> None:
    message = made(tmp_path, samples=[3, 5]).message
    places = {
        (message.string_table[f.name].decode(), message.string_table[f.filename].decode()) for f in message.function
    }
    assert places == {
        ("leaf", "file:///srv/leaf.js"),
        ("main", "file:///srv/main.js"),
        ("(anonymous)", "file:///srv/.js"),
    }
    assert sorted(line.line for location in message.location for line in location.line) == [21, 31, 51]


def test_the_older_layout_of_v8_profiler_is_read(tmp_path: Path) -> None:
    leaf = {"id": 3, "functionName": "leaf", "url": "/srv/a.js", "lineNumber": 7, "hitCount": 2, "children": []}
    main = {"id": 2, "functionName": "main", "url": "/srv/a.js", "lineNumber": 1, "hitCount": 0, "children": [leaf]}
    head = {"id": 1, "functionName": "(root)", "url": "", "lineNumber": -1, "hitCount": 0, "children": [main]}
    path, start = tmp_path / "a.cpuprofile", 163_140_599_286
    content = {"head": head, "startTime": 163140, "endTime": 163140, "samples": [2, 3, 3]}
    path.write_text(json.dumps(content | {"timestamps": [start, start + 10, start + 30, start + 35]}))
    profile = converted(Format.CPUPROFILE, path)
    assert flat(profile, "cpu") == {"main": 10_000, "leaf": 25_000}
    assert flat(profile, "samples") == {"main": 1, "leaf": 2}
    assert {line.line for location in profile.message.location for line in location.line} == {1, 7}
    path.write_text(json.dumps({"head": head}))
    assert flat(converted(Format.CPUPROFILE, path)) == {"leaf": 2}
    path.write_text(json.dumps(content | {"timestamps": [start]}))
    with pytest.raises(BadProfile, match="timestamps are 1, but there are 3 samples"):
        converted(Format.CPUPROFILE, path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"nodes": None, "samples": [7]}, "samples[0] is of no node"),
        ({"samples": [[3]]}, "samples[0] is of no node"),
        ({"samples": [3], "timeDeltas": [1, 2]}, "timeDeltas are 2, but there are 1 samples"),
        ({"samples": [3], "timeDeltas": ["1"]}, "timeDeltas[0] is no number of 64 bits"),
        ({"samples": [3], "timeDeltas": [1e300]}, "timeDeltas[0] is no number of 64 bits"),
        ({"samples": [3], "timeDeltas": [float("nan")]}, "timeDeltas[0] is no number of 64 bits"),
        ({"samples": [3], "timeDeltas": [10**400]}, "timeDeltas[0] is no number of 64 bits"),
        ({"nodes": 3}, "nodes is no list"),
        ({"nodes": [{"id": 1}]}, "nodes[0].callFrame is no object"),
        ({"nodes": [node(1, "a", 2), node(2, "b", 1)], "samples": [1]}, "the node 1 is among its own callers"),
    ],
)
def test_a_broken_profile_is_said_with_the_place(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    assert refused(tmp_path, **content) == said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty: 0 bytes"),
        (b"[" * 200_000, "nested too deeply for any profile"),
        (b'{"nodes": [', "no whole JSON: Expecting value: line 1 column 12 (char 11)"),
        (b"{}", "no CPU profile of V8: it has no nodes"),
        (b"[]", "the file is no object"),
    ],
)
def test_what_is_no_cpu_profile_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "a.cpuprofile"
    path.write_bytes(data)
    with pytest.raises(BadProfile) as caught:
        converted(Format.CPUPROFILE, path)
    assert str(caught.value) == said

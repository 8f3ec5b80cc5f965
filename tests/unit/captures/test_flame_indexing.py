"""The flame graph of a large profile is there before anybody asks, and what is kept for it stays bounded."""

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from app.analysis.flame import asking
from app.analysis.flame.asked import Asked, view_of
from app.analysis.flame.index import paths_of
from app.analysis.flame.paths import About, gathered, packed
from app.analysis.flame.prepared import Prepared
from app.analysis.profile import read_file
from app.analysis.reading_process import ask_once
from app.captures.flame_indexing import ENOUGH, FlameIndexing
from app.model import Artifact, Capture, Kind, State, Trigger
from app.stores import Directory
from tests.lab.process import eventually
from tests.unit.web.web_app import CPU, WebApp

PROFILE = Path(__file__).parents[2] / "data" / "profiles" / "java.cpu"
BAD, SMALL = b"no profile" * 30, b"no profile"


def test_a_profile_is_prepared_when_its_capture_has_ended_and_gone_with_it(tmp_path: Path) -> None:
    store, now = Directory(tmp_path / "store"), datetime.now(UTC)
    contents = {"bad.pprof": BAD, "small.pprof": SMALL, "order-cpu.pprof": PROFILE.read_bytes(), "cpu.txt": BAD}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        store.put(f"one/{name}", tmp_path / name)
    files = tuple(Artifact(name, Kind.CPU, len(content), "") for name, content in contents.items())
    capture = Capture("one", now, Trigger("manual"), State.COMPLETED, artifacts=files)
    indexing = FlameIndexing(store, ask_once, at_least=len(BAD))
    indexing.start()
    indexing.ended(capture)
    prepared = indexing.prepared
    path = eventually(lambda: prepared.path("one", "order-cpu.pprof"), "the profile is prepared")
    assert asking.view_in(path, Asked()) == view_of(paths_of(read_file(PROFILE)), Asked())
    assert [prepared.path("one", name) for name in ("bad.pprof", "small.pprof", "cpu.txt")] == [None] * 3
    store.delete_all("one")
    assert prepared.path("one", "order-cpu.pprof") is None
    indexing.stop()


def test_those_that_nobody_looks_at_make_way_and_nothing_half_made_stays(tmp_path: Path) -> None:
    prepared = Prepared(tmp_path, most=250)

    for number in range(3):
        prepared.add(f"capture {number}", "cpu.pprof", partial(_made_at, number))
    assert [bool(prepared.path(f"capture {number}", "cpu.pprof")) for number in range(3)] == [False, True, True]
    with pytest.raises(OSError, match="no room"):
        prepared.add("capture 4", "cpu.pprof", partial(_fail, "no room"))
    assert {each.name for each in tmp_path.iterdir()} == {"capture 1", "capture 2"}


def _made_at(number: int, out: Path) -> None:
    out.write_bytes(b"x" * 100)
    os.utime(out, (number, number))


def _fail(why: str, out: Path) -> None:
    out.write_bytes(b"half")
    raise OSError(why)


def test_what_is_prepared_is_not_read_again_and_what_is_broken_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = WebApp(tmp_path)
    monkeypatch.setattr(web, "flame_json", asking.view_as_json)
    web.client = web.reached_by()
    (tmp_path / "cache").mkdir()
    (profile := tmp_path / "profile").write_bytes(b"\x1f\x8b")
    capture, prepared = web.keep_completed(), Prepared(tmp_path / "cache")
    prepared.add(capture.id, CPU, lambda out: web.flame_index(profile, None, out))
    web.trees.clear()
    for query in ("min=0", "min=0&sample_type=cpu"):
        assert web.client.get(f"/captures/{capture.id}/flamegraph?{query}").json()["root"]["name"] == "root"
    assert web.trees == [], "nothing was read"
    assert (
        web.client.get(f"/captures/{capture.id}/flamegraph?min=0&sample_type=samples").json()["sample_type"]
        == "samples"
    )
    place = prepared.path(capture.id, CPU)
    assert place
    place.write_bytes(b"broken")
    assert web.client.get(f"/captures/{capture.id}/flamegraph?function=main.main").status_code == 200
    web.client = web.reached_by()
    assert web.client.get(f"/captures/{capture.id}/flamegraph?min=0").json()["root"]["name"] == "root"
    assert not place.exists()


def test_a_function_without_samples_of_the_prepared_type_is_shown_with_those_of_another(tmp_path: Path) -> None:
    web = WebApp(tmp_path)
    (tmp_path / "cache").mkdir()
    capture, prepared = web.keep_completed(), Prepared(tmp_path / "cache")
    about = About("heap", "inuse_space", ("inuse_space", "cpu"), "bytes", None, 1)
    prepared.add(capture.id, CPU, lambda out: _written(out, packed(gathered(about, {"\1": 1}, ["", "main.idle"]))))
    asked = f"/captures/{capture.id}/flamegraph?function=main.main&sample_type=cpu"
    assert web.client.get(asked).json()["root"]["name"] == "main.main"
    assert prepared.path(capture.id, CPU), "nothing is wrong with it"


def test_a_fault_of_the_store_ends_no_work_on_the_next_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Directory(tmp_path / "store")
    (tmp_path / "profile").write_bytes(PROFILE.read_bytes())
    captures = [
        Capture(id_, datetime.now(UTC), Trigger("manual"), artifacts=(Artifact("a.pprof", Kind.CPU, 300, ""),))
        for id_ in ("one", "two")
    ]
    store.put("two/a.pprof", tmp_path / "profile")
    faults = [OSError("the disk is gone")]
    monkeypatch.setattr(Directory, "free_bytes", lambda _: ENOUGH if not faults else _raised(faults.pop()))
    indexing = FlameIndexing(store, ask_once, at_least=300)
    for capture in captures:
        indexing.ended(capture)
    indexing.start()
    eventually(lambda: indexing.prepared.path("two", "a.pprof"), "the next one is prepared")
    indexing.stop()


def _raised(fault: Exception) -> int:
    raise fault


def _written(out: Path, content: bytes) -> None:
    out.write_bytes(content)

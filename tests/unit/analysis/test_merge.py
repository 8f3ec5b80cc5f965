"""Profiles of one recording, made one."""

import gzip
from pathlib import Path

import pytest

from app.analysis.isolate import merge_files, top_of
from app.analysis.merge import merged
from app.analysis.profile import BadProfile, read
from tests.unit.analysis.synthetic import Maker, cpu


def files(folder: Path, *made: bytes) -> list[Path]:
    paths = [folder / f"{number}.pprof" for number in range(len(made))]
    for path, data in zip(paths, made, strict=True):
        path.write_bytes(data)
    return paths


def slice_of(*samples: tuple[list[str], int], seconds: int = 1) -> bytes:
    made = cpu(samples)
    made.message.duration_nanos = seconds * 10**9
    return made.data()


def test_what_was_measured_is_added_up_by_name_and_the_time_too(tmp_path: Path) -> None:
    one = slice_of((["main.hash", "main.serve"], 300), (["main.idle"], 100), seconds=4)
    two = slice_of((["main.read", "main.serve"], 50), (["main.hash", "main.serve"], 200), seconds=3)
    merge_files(files(tmp_path, one, two), tmp_path / "whole.pprof")
    rows = {row.function: row.flat for row in top_of(tmp_path / "whole.pprof").rows}
    assert rows == {"main.hash": 500, "main.idle": 100, "main.read": 50, "main.serve": 0}
    assert read((tmp_path / "whole.pprof").read_bytes()).duration_seconds == 7


def test_labels_and_files_keep_their_texts(tmp_path: Path) -> None:
    made = []
    for tenant in ("first", "second"):
        one = cpu([([f"main.{tenant}"], 10)])
        one.message.sample[0].label.add(key=one.string("tenant"), str=one.string(tenant))
        one.message.function[0].filename = one.string(f"/src/{tenant}.go")
        made.append(one.data())
    whole = read(merged(files(tmp_path, *made))).message
    texts = [text.decode() for text in whole.string_table]
    assert [(texts[s.label[0].key], texts[s.label[0].str]) for s in whole.sample] == [
        ("tenant", "first"), ("tenant", "second")
    ]  # fmt: skip
    assert [texts[f.filename] for f in whole.function] == ["/src/first.go", "/src/second.go"]


def test_profiles_of_two_kinds_are_not_added_up(tmp_path: Path) -> None:
    heap = Maker(("inuse_space", "bytes")).sample(["main.keep"], 7).data()
    with pytest.raises(BadProfile, match="sample types differ"):
        merge_files(files(tmp_path, slice_of((["main.hash"], 1)), heap), tmp_path / "whole.pprof")
    assert not (tmp_path / "whole.pprof").exists()


def test_a_slice_that_is_no_profile_and_more_than_the_limit_are_refused(tmp_path: Path) -> None:
    good = slice_of((["main.hash"], 1))
    with pytest.raises(BadProfile):
        merged(files(tmp_path, good, gzip.compress(b"<html>")))
    with pytest.raises(BadProfile, match="more than 100 bytes"):
        merged(files(tmp_path, good, good), most=100)

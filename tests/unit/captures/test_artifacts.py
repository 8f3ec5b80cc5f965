"""What becomes of another profiler's file: a profile of its kind, and a word where its times cannot be."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.analysis.isolate import top_of
from app.analysis.stacks import Options
from app.captures.artifacts import prepared
from app.model import Capture, Kind
from app.profilers.base import Fetched
from tests.unit.analysis.recorded import PROFILES
from tests.unit.ledger.builders import NOON, manual, recording

TEN_SECONDS = replace(recording(manual(1)), duration=timedelta(seconds=10))


def converted(
    folder: Path, text: bytes, options: Options, *, threads: int | None = 1, capture: Capture = TEN_SECONDS
) -> Fetched:
    (folder / "output").write_bytes(text)
    file = Fetched(
        Kind.OTHER, folder / "output", 1, suffix=".folded", format="folded", options=options, threads=threads
    )
    same, made = prepared(capture, [file])
    assert same == file
    return made


def test_more_time_than_there_was_is_told(tmp_path: Path) -> None:
    made = converted(tmp_path, b"main;hot 87000\n", Options(rate=100), threads=2)
    assert made.finding is not None
    assert (made.kind, made.fault, made.finding.severity, made.finding.kind) == (Kind.CPU, "", "warning", "cpu")
    assert "870 s in a recording of 10 s of a process with 2 threads, which is 20 s at most" in made.finding.detail


@pytest.mark.parametrize(
    ("count", "options", "threads"),
    [
        (87000, Options(), 1),
        (10_010, Options(rate=1000), 1),
        (2000, Options(rate=100), 2),
        (2000, Options(rate=100), None),
        (10**12, Options(unit="bytes", sample="alloc"), 1),
    ],
    ids=["counts alone", "within what profilers err", "of two threads", "of unknown threads", "no time"],
)
def test_what_can_be_is_not_doubted(tmp_path: Path, count: int, options: Options, threads: int | None) -> None:
    assert converted(tmp_path, b"main %d\n" % count, options, threads=threads).finding is None


def test_a_recording_that_was_stopped_early_is_as_long_as_it_was(tmp_path: Path) -> None:
    stopped = replace(TEN_SECONDS, stop_requested_at=NOON, stopped_at=NOON + timedelta(seconds=3))
    made = converted(tmp_path, b"main 900\n", Options(rate=100), capture=stopped)
    assert made.finding is not None and "9 s in a recording of 3 s" in made.finding.detail
    assert top_of(made.path).duration_seconds == 3


def test_a_flight_recording_that_is_cut_is_read_as_far_as_it_goes_and_the_rest_is_told(tmp_path: Path) -> None:
    data = (PROFILES / "async-profiler-4.5-wall-chunks.jfr").read_bytes()
    (tmp_path / "output").write_bytes(data[:-1000])
    _, made = prepared(TEN_SECONDS, [Fetched(Kind.OTHER, tmp_path / "output", 1, suffix=".jfr", format="jfr")])
    assert (made.kind, made.fault) == (Kind.CPU, "")
    assert made.finding is not None and made.finding.title == "a part of the file is not in the profile"
    assert "a chunk without an end, as of a process that was killed" in made.finding.detail

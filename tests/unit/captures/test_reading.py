"""Findings are made once the files are home, and cost a capture nothing when they cannot be."""

import errno
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.analysis.diff.asking import difference_of
from app.analysis.facts import Facts
from app.analysis.isolate import facts_of
from app.captures.reading import Reading, joined
from app.errors import Code, Retryable
from app.finding import Finding
from app.metrics import Metrics
from app.model import Artifact, Capture, Kind, Target
from app.stores import Directory
from tests.unit.ledger.builders import NOON, manual

LEDGER = Path(__file__).parents[2] / "data" / "faults" / "ledger"
NAMES = {"a-goroutine.pprof": "goroutine.pprof", "a-goroutine-after.pprof": "goroutine-after.pprof"}


def stored(folder: Path) -> tuple[Capture, Directory]:
    """A capture with two goroutine profiles and a trace that is not read."""
    store = Directory(folder)
    capture = manual(1, target=Target("h", 7, started_at=NOON), stopped_at=NOON + timedelta(seconds=9))
    store.path(capture.id).mkdir()
    for name, source in NAMES.items():
        store.path(f"{capture.id}/{name}").write_bytes((LEDGER / source).read_bytes())
    artifacts = [Artifact(name, Kind.GOROUTINE, 1, "") for name in NAMES]
    return replace(capture, artifacts=(*artifacts, Artifact("a.trace", Kind.TRACE, 1, ""))), store


def test_the_files_of_a_capture_become_findings_that_are_counted(tmp_path: Path) -> None:
    capture, store = stored(tmp_path)
    after = Reading(store, facts_of, difference_of).with_findings(capture, None, NOON)
    assert [finding.code for finding in after.findings] == ["lock_contention"]
    assert after.findings[0].path[-1].endswith("ledger.writeJournal")

    metrics = Metrics()
    metrics.ended(after)
    assert b'alertprof_findings_total{code="lock_contention",severity="warning"} 1.0' in metrics.exposition()


def test_files_that_cannot_be_read_now_cost_findings_and_not_the_capture(tmp_path: Path) -> None:
    def broken(paths: Sequence[Path], module: str) -> Mapping[Path, Facts]:
        raise Retryable(Code.COLLECT_FAILED, "no process to read profiles in")

    capture, store = stored(tmp_path)
    after = Reading(store, broken, difference_of).with_findings(capture, None, NOON)
    assert (after.findings, after.state, after.step) == ((), capture.state, capture.step)
    assert "no process to read profiles in" in after.timeline[-1].message


def test_a_disk_without_room_for_the_files_of_an_object_store_costs_findings_and_not_the_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, store = stored(tmp_path)

    def full(key: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "local", full)
    read = Reading(store, facts_of, difference_of).with_findings(capture, None, NOON)
    assert (read.findings, "No space left" in read.timeline[-1].message) == ((), True)


def test_a_capture_is_compared_with_the_baseline_and_a_baseline_that_is_gone_is_no_fault_of_it(tmp_path: Path) -> None:
    capture, store = stored(tmp_path)
    base = replace(capture, id="base", created_at=NOON - timedelta(days=1))
    store.path(base.id).mkdir()
    store.path(f"{base.id}/a-goroutine.pprof").write_bytes(b"broken")  # the other one is gone
    reading = Reading(store, facts_of, difference_of)
    after = reading.with_findings(capture, base, NOON)
    assert after.findings == reading.with_findings(capture, None, NOON).findings != ()
    said = "compared with the baseline base, which was made at 2026-11-22 12:00 UTC"
    assert after.timeline[-1].message == said
    assert reading.with_findings(capture, capture, NOON).timeline == ()  # a baseline is not compared with itself


def test_the_samples_of_the_evidence_are_read_and_broken_ones_are_no_fault(tmp_path: Path) -> None:
    capture, store = stored(tmp_path)
    capture = replace(capture, artifacts=(Artifact("a-samples.json", Kind.EVIDENCE, 1, ""),))
    samples = {"seconds": [0, 1, 2], "rss_bytes": [1 << 27, 2 << 27, 3 << 27], "host_available_bytes": [1 << 29] * 3}
    reading = Reading(store, facts_of, difference_of)
    store.path(f"{capture.id}/a-samples.json").write_text(json.dumps(samples))
    (found,) = reading.with_findings(capture, None, NOON).findings
    assert (
        found.title == "the process grew by 256MB in 2 s: the end of the host's memory is reached in 4 s at this rate"
    )
    for text in ("[", '{"seconds": 7}', '{"seconds": [0, null, 1], "rss_bytes": ["a"]}'):
        store.path(f"{capture.id}/a-samples.json").write_text(text)
        assert reading.with_findings(capture, None, NOON).findings == ()


def test_a_baseline_of_another_build_is_said_in_the_timeline(tmp_path: Path) -> None:
    capture, store = stored(tmp_path)
    assert capture.target
    base = replace(capture, id="base", target=replace(capture.target, go_version="go1.26.1"))
    capture = replace(capture, target=replace(capture.target, go_version="go1.27.3"))
    said = (
        Reading(store, lambda paths, module: {}, difference_of).with_findings(capture, base, NOON).timeline[-1].message
    )
    assert "The base was built with go1.26.1, the capture with go1.27.3" in said


def test_the_strongest_comes_first_and_what_the_samples_have_shown_is_not_said_once_more() -> None:
    samples = (Finding("info", "calm", "", code="hot_elsewhere"), Finding("warning", "spike", "", code="spike_over"))
    read = (Finding("critical", "leak", "", code="leak"), Finding("info", "cores", "", code="spike_over"))
    assert [finding.title for finding in joined(samples, read)] == ["leak", "spike", "calm"]

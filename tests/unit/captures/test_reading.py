"""Findings are made once the files are home, and cost a capture nothing when they cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.analysis.facts import Facts
from app.analysis.isolate import facts_of
from app.captures.reading import joined, with_findings
from app.errors import Code, Retryable
from app.finding import Finding
from app.metrics import Metrics
from app.model import Artifact, Capture, Kind, Target
from app.stores import Store
from tests.unit.ledger.builders import NOON, manual

LEDGER = Path(__file__).parents[2] / "data" / "faults" / "ledger"
NAMES = {"a-goroutine.pprof": "goroutine.pprof", "a-goroutine-after.pprof": "goroutine-after.pprof"}


def stored(folder: Path) -> tuple[Capture, Store]:
    """A capture with two goroutine profiles and a trace that is not read."""
    store = Store(folder)
    capture = manual(1, target=Target("h", 7, started_at=NOON), stopped_at=NOON + timedelta(seconds=9))
    store.path(capture.id).mkdir()
    for name, source in NAMES.items():
        store.path(f"{capture.id}/{name}").write_bytes((LEDGER / source).read_bytes())
    artifacts = [Artifact(name, Kind.GOROUTINE, 1, "") for name in NAMES]
    return replace(capture, artifacts=(*artifacts, Artifact("a.trace", Kind.TRACE, 1, ""))), store


def test_the_files_of_a_capture_become_findings_that_are_counted(tmp_path: Path) -> None:
    capture, store = stored(tmp_path)
    after = with_findings(capture, store, facts_of, NOON)
    assert [finding.code for finding in after.findings] == ["lock_contention"]
    assert after.findings[0].path[-1].endswith("ledger.writeJournal")

    metrics = Metrics()
    metrics.ended(after)
    assert b'alertprof_findings_total{code="lock_contention",severity="warning"} 1.0' in metrics.exposition()


def test_files_that_cannot_be_read_now_cost_findings_and_not_the_capture(tmp_path: Path) -> None:
    def broken(paths: Sequence[Path]) -> Mapping[Path, Facts]:
        raise Retryable(Code.COLLECT_FAILED, "no process to read profiles in")

    capture, store = stored(tmp_path)
    after = with_findings(capture, store, broken, NOON)
    assert (after.findings, after.state, after.step) == ((), capture.state, capture.step)
    assert "no process to read profiles in" in after.timeline[-1].message


def test_the_strongest_comes_first_and_what_the_samples_have_shown_is_not_said_once_more() -> None:
    samples = (Finding("info", "calm", "", code="hot_elsewhere"), Finding("warning", "spike", "", code="spike_over"))
    read = (Finding("critical", "leak", "", code="leak"), Finding("info", "cores", "", code="spike_over"))
    assert [finding.title for finding in joined(samples, read)] == ["leak", "spike", "calm"]

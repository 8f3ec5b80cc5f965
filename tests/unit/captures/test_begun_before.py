"""Captures that an earlier version began are finished by this one.

tests/data/ledger/begun.sql holds a capture at every step for every profiler, with the notes that the version before the
packages were rearranged wrote. Its host is stage.py's, with the recordings that these captures had begun.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from app.captures.pipeline import Pipeline
from app.captures.specs import profiler_of
from app.captures.worker import LEASE, Worker
from app.errors import Code
from app.gate.pool import HostPool
from app.ledger.ledger import Bounds, Filter, Ledger
from app.model import Capture, Kind, State, Step
from app.resolvers.labels import Labels
from app.stores import Directory
from tests.unit.captures.stage import RULES, SPECS, Stage, kind_of
from tests.unit.ledger.builders import NOON, admission

DUMP = Path(__file__).parents[2] / "data" / "ledger" / "begun.sql"
STEPS = {
    **{kind: [Step.RESOLVE, Step.START, Step.WAIT, Step.STOP, Step.COLLECT, Step.CLEAN] for kind in SPECS},
    "http": [Step.RESOLVE, Step.START, Step.WAIT, Step.CLEAN],
}
ARTIFACTS = {
    "toggle": {Kind.CPU, Kind.HEAP, Kind.MUTEX, Kind.BLOCK, Kind.THREADCREATE, Kind.TRACE, Kind.GOROUTINE},
    "timed": {Kind.CPU, Kind.HEAP, Kind.MUTEX, Kind.BLOCK, Kind.THREADCREATE, Kind.TRACE, Kind.GOROUTINE},
    "signal": {Kind.HEAP},
    "command": {Kind.CPU, Kind.OTHER},
    "http": {*Kind} - {Kind.GOROUTINELEAK, Kind.EVIDENCE, Kind.LOG, Kind.OTHER},
}


@dataclass
class Finished:
    """The rows as they were and as they are, and what the host has seen."""

    before: dict[str, Capture]
    after: dict[str, Capture]
    stage: Stage

    def at(self, kind: str, step: Step) -> tuple[Capture, Capture]:
        """The capture of that profiler that was at that step: as it was, and as it is."""
        (before,) = (row for row in self.before.values() if self._fits(row, kind, step))
        return before, self.after[before.id]

    def _fits(self, row: Capture, kind: str, step: Step) -> bool:
        return row.rule == kind and row.step is step and int(row.trigger.labels["pid"]) % 100 < 50


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder, stage, clock = tmp_path_factory.mktemp("begun"), Stage(), Clock()
    with sqlite3.connect(folder / "ledger.db") as database:
        database.executescript(DUMP.read_text())
    database.close()
    bounds = Bounds(per_host=100, per_service=100, at_once=100, per_hour=1000)
    ledger = Ledger(f"sqlite:///{folder}/ledger.db", decide=admission(), clock=clock, bounds=bounds)
    ledger.migrate()
    before = rows(ledger)
    for row in before.values():
        if row.step in (Step.WAIT, Step.STOP, Step.COLLECT, Step.CLEAN) and row.rule != "http":
            stage.recordings[row.token] = ("open" if row.step in (Step.WAIT, Step.STOP) else "finished", row.rule)
    pipeline = Pipeline(
        pool=cast(HostPool, stage),
        store=Directory(folder / "artifacts"),
        ledger=ledger,
        rules=lambda: RULES,
        resolvers=(Labels(),),
        check=not_empty,
        clock=clock,
    )
    work_to_the_end(Worker(ledger, pipeline, clock, threads=0), ledger, clock)
    yield Finished(before, rows(ledger), stage)
    ledger.close()


def rows(ledger: Ledger) -> dict[str, Capture]:
    return {row.id: row for row in ledger.find(Filter(limit=500)).captures}


def not_empty(files: Sequence[tuple[Kind, Path]]) -> Mapping[Path, str | None]:
    return {path: None if path.read_bytes() else "empty: 0 bytes" for _, path in files}


def work_to_the_end(worker: Worker, ledger: Ledger, clock: Clock) -> None:
    for _ in range(1000):
        if (due := ledger.next_due()) is None:
            return
        clock.now = max(clock.now, due)
        if claim := ledger.claim(clock.now, "one", LEASE):
            worker._advance(claim)
    raise AssertionError("they do not come to their end")


@pytest.mark.parametrize(("kind", "step"), [(kind, step) for kind, steps in STEPS.items() for step in steps])
def test_a_capture_that_was_begun_before_is_finished_with_all_its_files(
    finished: Finished, kind: str, step: Step
) -> None:
    before, after = finished.at(kind, step)
    assert (after.state, after.reason) == (State.COMPLETED, None)
    assert {artifact.kind for artifact in after.artifacts} == ARTIFACTS[kind]
    assert after.timeline[: len(before.timeline)] == before.timeline
    assert (after.token, profiler_of(after)) == (before.token, SPECS[kind])


@pytest.mark.parametrize("kind", ["toggle", "timed", "signal", "command"])
def test_only_what_was_not_started_before_is_started_and_everything_is_cleaned_up(
    finished: Finished, kind: str
) -> None:
    for step in STEPS[kind]:
        before, _ = finished.at(kind, step)
        assert finished.stage.started.count(before.token) == (step in (Step.RESOLVE, Step.START)), step
        assert finished.stage.dropped.count(before.token) == 1, step


def test_one_of_several_processes_is_still_the_one_that_was_chosen(finished: Finished) -> None:
    (before,) = (row for row in finished.before.values() if "one of" in row.notes)
    after = finished.after[before.id]
    assert (after.state, after.target and after.target.pid) == (State.COMPLETED, before.notes["one of"]["pid"])


def test_what_was_held_back_begins_when_its_reason_has_passed(finished: Finished) -> None:
    (before,) = (row for row in finished.before.values() if row.reason and row.reason.code is Code.COOLDOWN)
    assert finished.after[before.id].state is State.COMPLETED


def test_what_had_ended_is_read_as_it_was_written(finished: Finished) -> None:
    (before,) = (row for row in finished.before.values() if row.state.ended)
    assert finished.after[before.id] == before
    assert (before.state, [finding.code for finding in before.findings]) == (State.FAILED, ["ended_after_signal"])


def test_no_row_names_a_module_or_a_class() -> None:
    assert "app." not in DUMP.read_text()
    assert all(kind_of(100 * number) == kind for number, kind in enumerate(SPECS, 1))

"""The heartbeat over a real ledger and a stand-in for the pipeline: what is due is done, in time, once, and saved."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from app.captures import worker as worker_module
from app.captures.pipeline import Pipeline
from app.captures.worker import Worker
from app.errors import Code
from app.ledger.ledger import Bounds, Ledger
from app.model import Capture, ProcessId, State, Step, Target
from tests.lab.process import eventually
from tests.unit.ledger.builders import manual, sqlite

Advance = Callable[[Capture, datetime], Capture]


def now() -> datetime:
    return datetime.now(UTC)


class StandIn:
    """Stands in for the pipeline: the worker's own behaviour is what these tests are about."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance


@contextmanager
def working(ledger: Ledger, advance: Advance) -> Iterator[Worker]:
    worker = Worker(ledger, cast(Pipeline, StandIn(advance)), now, threads=4)
    ledger.on_due = worker.wake
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(10)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = sqlite(tmp_path, clock=now)
    yield made
    made.close()


def ask(ledger: Ledger, number: int) -> str:
    capture = manual(number, created_at=now(), due_at=now())
    ledger.create(capture)
    return capture.id


def state(ledger: Ledger, capture_id: str) -> State:
    capture = ledger.get(capture_id)
    assert capture
    return capture.state


def at_work(capture: Capture, pid: int, at: datetime) -> Capture:
    target = Target("h", pid, service="orders")
    return replace(capture, process=ProcessId("boot", pid, 1, "1:1"), target=target).to(Step.START, due=at)


def test_what_is_due_a_little_later_is_not_forgotten_by_those_who_wait(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LONGEST_NAP", 3600.0)

    def advance(capture: Capture, at: datetime) -> Capture:
        if capture.step is Step.RESOLVE:
            return capture.to(Step.WAIT, due=at + timedelta(milliseconds=50))
        return capture.ended(State.COMPLETED, at)

    with working(ledger, advance):
        new = ask(ledger, 1)
        eventually(lambda: state(ledger, new) is State.COMPLETED, "the second step is taken")


def test_steps_that_are_due_at_once_follow_each_other_under_one_claim(ledger: Ledger) -> None:
    taken: list[Step] = []

    def advance(capture: Capture, at: datetime) -> Capture:
        taken.append(capture.step)
        following = {Step.RESOLVE: Step.START, Step.START: Step.COLLECT}
        if capture.step in following:
            return capture.to(following[capture.step], due=at)
        return capture.ended(State.COMPLETED, at)

    with working(ledger, advance):
        new = ask(ledger, 1)
        eventually(lambda: state(ledger, new) is State.COMPLETED, "it is told to the end")
    assert taken == [Step.RESOLVE, Step.START, Step.COLLECT]


def test_the_second_capture_of_a_process_is_skipped_as_a_duplicate(ledger: Ledger) -> None:
    go_on = threading.Event()

    def advance(capture: Capture, at: datetime) -> Capture:
        if capture.step is Step.RESOLVE:
            return at_work(capture, 7, at)
        assert go_on.wait(30)
        return capture.ended(State.COMPLETED, at)

    with working(ledger, advance):
        first = ask(ledger, 1)
        eventually(lambda: (c := ledger.get(first)) and c.step is Step.START, "the first has the process")
        second = ask(ledger, 2)
        eventually(lambda: state(ledger, second) is State.SKIPPED, "the second is skipped")
        go_on.set()
    skipped = ledger.get(second)
    assert skipped and skipped.reason and skipped.reason.code is Code.DUPLICATE
    assert first in skipped.reason.message


def test_a_capture_for_which_there_is_no_room_waits_and_then_has_it(ledger: Ledger) -> None:
    ledger.bounds = Bounds(per_host=1, per_service=9)
    go_on = threading.Event()

    def advance(capture: Capture, at: datetime) -> Capture:
        if capture.step is Step.RESOLVE:
            return at_work(capture, int(capture.id[-1]), at)
        assert go_on.wait(30)
        return capture.ended(State.COMPLETED, at)

    with working(ledger, advance):
        first = ask(ledger, 1)
        eventually(lambda: (c := ledger.get(first)) and c.step is Step.START, "the first has its place")
        second = ask(ledger, 2)
        eventually(lambda: (c := ledger.get(second)) and c.attempt > 0, "the second waits")
        go_on.set()
        eventually(lambda: state(ledger, second) is State.COMPLETED, "the second had its turn")
    told = ledger.get(second)
    assert told and any("limits.per_host" in entry.message for entry in told.timeline)


def test_stopping_finishes_the_step_under_way_and_begins_no_other(ledger: Ledger) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def advance(capture: Capture, at: datetime) -> Capture:
        begun.set()
        assert go_on.wait(30)
        return capture.to(Step.START, due=at)

    with working(ledger, advance) as worker:
        new = ask(ledger, 1)
        assert begun.wait(30)
        stopping = threading.Thread(target=worker.stop, args=(30,))
        stopping.start()
        go_on.set()
        stopping.join(30)
        assert not stopping.is_alive()
    capture = ledger.get(new)
    assert capture and capture.step is Step.START
    assert ledger.claim(now(), "the next", timedelta(seconds=1)), "nobody holds it any more"


def test_a_row_that_nobody_can_work_on_does_not_end_the_work_on_others(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LEASE", timedelta(seconds=0.5))  # so that it is taken again and again
    broke: list[str] = []

    def advance(capture: Capture, at: datetime) -> Capture:
        if capture.id == bad:
            broke.append(capture.id)
            raise ValueError("a step that this version does not know")
        return capture.ended(State.COMPLETED, at)

    bad = ask(ledger, 1)
    with working(ledger, advance):
        eventually(lambda: len(broke) >= 5, "more often than there are threads")
        good = ask(ledger, 2)
        eventually(lambda: state(ledger, good) is State.COMPLETED, "the other is worked on")


def test_what_is_worked_on_is_not_taken_again_though_its_lease_has_lapsed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LEASE", timedelta(0))
    go_on, begun = threading.Event(), list[str]()

    def advance(capture: Capture, at: datetime) -> Capture:
        begun.append(capture.id)
        assert capture.id != slow or go_on.wait(30)
        return capture.ended(State.COMPLETED, at)

    slow = ask(ledger, 1)
    with working(ledger, advance):
        eventually(lambda: begun, "it is worked on")
        for number in range(2, 6):
            other = ask(ledger, number)
            eventually(lambda other=other: state(ledger, other) is State.COMPLETED, "others go on")  # type: ignore[misc]
        go_on.set()
        eventually(lambda: state(ledger, slow) is State.COMPLETED, "it ends")
    assert begun.count(slow) == 1


def test_a_configuration_that_lacks_threads_is_not_followed_in_part(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance(capture: Capture, at: datetime) -> Capture:
        return capture.ended(State.COMPLETED, at)

    def other(capture: Capture, at: datetime) -> Capture:
        return capture.ended(State.FAILED, at)

    start, left = threading.Thread.start, [2]

    def only_two(thread: threading.Thread) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        start(thread)

    with working(ledger, advance) as worker:
        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr(threading.Thread, "start", only_two)
            worker.follow(cast(Pipeline, StandIn(other)), timedelta(hours=1), 8)
        done = ask(ledger, 1)
        eventually(lambda: state(ledger, done).ended, "it is worked on")
        assert state(ledger, done) is State.COMPLETED, "by the earlier configuration"
    assert not [each for each in worker._threads if each.is_alive()]

"""The heartbeat over a real ledger and a stand-in for the pipeline: what is due is done, in time, once, and saved."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from app.captures import worker as worker_module
from app.captures.dumps import TAKEN
from app.captures.pipeline import Pipeline
from app.captures.specs import PROFILER
from app.captures.worker import Worker
from app.errors import Code
from app.ledger.ledger import Bounds, Ledger
from app.model import Capture, ProcessId, State, Step, Target
from app.plugins import to_plain
from app.profilers.http_pprof import HttpPprof
from tests.lab.process import eventually
from tests.unit.ledger.builders import manual, process, sqlite


def now() -> datetime:
    return datetime.now(UTC)


class StandIn:
    """Stands in for the pipeline: the worker's own behaviour is what these tests are about."""

    def __init__(self, advance: Callable[..., Capture]) -> None:
        self.advance = advance


@contextmanager
def working(ledger: Ledger, advance: Callable[..., Capture], *, enters: bool = False) -> Iterator[Worker]:
    """enters: whether `advance` takes what it has to call with each host."""
    alone = advance if enters else lambda capture, at, enter=None: advance(capture, at)
    worker = Worker(ledger, cast(Pipeline, StandIn(alone)), now, threads=4)
    ledger.on_due = worker.wake
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(60)


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
        assert go_on.wait(60)
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
        assert go_on.wait(60)
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
        assert go_on.wait(60)
        return capture.to(Step.START, due=at)

    with working(ledger, advance) as worker:
        new = ask(ledger, 1)
        assert begun.wait(60)
        stopping = threading.Thread(target=worker.stop, args=(60,))
        stopping.start()
        go_on.set()
        stopping.join(60)
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
        assert capture.id != slow or go_on.wait(60)
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


def about(host: str, number: int, **fields: Any) -> Capture:
    return manual(number, created_at=now(), due_at=now(), lane=host, **fields)


def test_a_host_that_does_not_answer_occupies_one_thread_however_many_alerts_there_are_about_it(ledger: Ledger) -> None:
    go_on, asked = threading.Event(), list[str]()

    def advance(capture: Capture, at: datetime) -> Capture:
        asked.append(capture.lane)
        assert capture.lane != "silent" or go_on.wait(60)
        return capture.ended(State.COMPLETED, at)

    with working(ledger, advance):
        for number in range(1, 21):
            ledger.create(about("silent", number))
        others = [about(f"10.0.0.{number % 5}", number) for number in range(21, 41)]
        for other in others:
            ledger.create(other)
        eventually(lambda: all(state(ledger, other.id).ended for other in others), "the others are done")
        assert asked.count("silent") == 1
        go_on.set()
        eventually(lambda: asked.count("silent") == 20, "and then the rest, one after the other")


def test_what_turns_out_to_be_about_a_host_that_is_busy_waits_for_it_and_no_thread_does(ledger: Ledger) -> None:
    go_on, entered = threading.Event(), list[str]()

    def advance(capture: Capture, at: datetime, enter: Callable[[str], None]) -> Capture:
        if capture.id != free.id:
            enter("node-1")
            entered.append(capture.id)
            assert go_on.wait(60)
        return capture.ended(State.COMPLETED, at)

    free = about("10.0.0.9", 9)
    with working(ledger, advance, enters=True):
        first, *others = (about(f"10.244.0.{number}", number) for number in range(1, 7))
        ledger.create(first)
        eventually(lambda: entered, "the first is at the node")
        for other in (*others, free):
            ledger.create(other)
        eventually(lambda: state(ledger, free.id).ended, "a thread is left")
        eventually(lambda: {held.lane for held in map(ledger.get, ids(others)) if held} == {"node-1"}, "it is noted")
        assert entered == [first.id]
        go_on.set()
        eventually(lambda: all(state(ledger, id_).ended for id_ in ids(others)), "each has its turn")
    assert all(capture.timeline[:-1] == () for capture in map(ledger.get, ids(others)) if capture), (
        "none was tried twice"
    )


def ids(captures: Iterable[Capture]) -> list[str]:
    return [capture.id for capture in captures]


def test_recordings_that_come_home_leave_the_threads_to_others(ledger: Ledger) -> None:
    go_on, streaming = threading.Event(), list[str]()

    def advance(capture: Capture, at: datetime) -> Capture:
        if capture.step is Step.WAIT:
            streaming.append(capture.id)
            assert go_on.wait(60)
        return capture.ended(State.COMPLETED, at)

    with working(ledger, advance):
        notes = {PROFILER: to_plain(HttpPprof()), TAKEN: True}
        for number in range(1, 13):
            coming = replace(about(f"10.0.1.{number}", number), process=process(number), notes=notes)
            ledger.create(coming.to(Step.WAIT, due=now()))
        eventually(lambda: len(streaming) == 12, "all of them come home, though there are four threads")
        ledger.create(other := about("10.0.1.1", 20))
        eventually(lambda: state(ledger, other.id).ended, "their hosts are free, too")
        go_on.set()
        eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "stream"], "threads end")

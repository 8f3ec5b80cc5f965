"""What every database must do alike: one run over SQLite, one over PostgreSQL where its server is installed."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.errors import Code, Reason
from app.intake.rules import Rule, parse_matcher, parse_matchers
from app.ledger import switches
from app.ledger.claims import Closed
from app.ledger.ledger import (
    Bounds,
    Claim,
    FenceLost,
    Filter,
    Full,
    Ledger,
    LedgerUnavailable,
    ProcessTaken,
    open_reader,
)
from app.ledger.messages import KEPT, LARGEST
from app.ledger.prearms import PreArm
from app.ledger.schema import metadata
from app.model import Artifact, Blocked, Capture, Episode, Finding, Kind, State, Step, Target, Trigger
from app.profilers.harm import id_of
from tests.unit.ledger.builders import (
    LEASE,
    ME,
    NOON,
    admission,
    completed,
    firing,
    ids,
    manual,
    process,
    recording,
    resolved,
)

SECOND = timedelta(seconds=1)
Open = Callable[..., Ledger]


@pytest.fixture
def open_ledger(url: str) -> Iterator[Open]:
    """A service's ledger; the second one is another replica's."""
    opened: list[Ledger] = []
    new_id = ids()

    def open_(rules: tuple[Rule, ...] = ()) -> Ledger:
        opened.append(Ledger(url, decide=admission(rules, new_id), clock=lambda: NOON))
        opened[-1].migrate()
        return opened[-1]

    yield open_
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Open) -> Ledger:
    return open_ledger()


def claimed(ledger: Ledger, now: timedelta = timedelta(0), owner: str = ME) -> Claim:
    claim = ledger.claim(NOON + now, owner, LEASE)
    assert claim is not None
    return claim


# alerts arrive


def test_a_firing_alert_becomes_a_pending_capture_that_is_due(ledger: Ledger) -> None:
    receipt = ledger.receive([firing("a1", job="order")]).result(60)
    (id_,) = receipt.created
    capture = ledger.get(id_)
    assert capture is not None
    assert (capture.state, capture.due_at, capture.rule) == (State.PENDING, NOON, "default")
    assert capture.trigger.labels == {"alertname": "HighCPU", "job": "order"}
    assert (capture.trigger.fingerprint, capture.trigger.starts_at) == ("a1", NOON)
    assert (receipt.known, receipt.skipped) == ((), ())


def test_a_repeat_falls_on_its_episode_though_its_start_differs(ledger: Ledger) -> None:
    (id_,) = ledger.receive([firing()]).result(60).created
    receipt = ledger.receive([firing(starts_at=NOON - 30 * SECOND), firing()]).result(60)
    assert (receipt.created, receipt.known) == ((), (id_,))


def test_two_alerts_are_two_captures_and_the_receipt_keeps_their_order(ledger: Ledger) -> None:
    receipt = ledger.receive([firing("b"), firing("a")]).result(60)
    captures = [ledger.get(id_) for id_ in receipt.created]
    assert [capture and capture.trigger.fingerprint for capture in captures] == ["b", "a"]


def test_a_resolved_alert_is_noted_on_its_capture_and_the_next_firing_is_a_new_one(ledger: Ledger) -> None:
    (first,) = ledger.receive([firing()]).result(60).created
    assert ledger.receive([resolved(ends_at=NOON + SECOND)]).result(60).created == ()
    noted = ledger.get(first)
    assert noted is not None
    assert noted.resolved_at == NOON + SECOND
    (second,) = ledger.receive([firing()]).result(60).created
    assert second != first
    assert ledger.receive([firing()]).result(60).known == (second,)


def test_the_first_resolution_stays(ledger: Ledger) -> None:
    (id_,) = ledger.receive([firing()]).result(60).created
    ledger.receive([resolved(ends_at=NOON + SECOND)]).result(60)
    ledger.receive([resolved(ends_at=NOON + 5 * SECOND)]).result(60)
    capture = ledger.get(id_)
    assert capture is not None
    assert capture.resolved_at == NOON + SECOND


def test_a_resolved_alert_of_no_known_episode_is_nothing(ledger: Ledger) -> None:
    receipt = ledger.receive([resolved()]).result(60)
    assert (receipt.created, receipt.known, receipt.skipped) == ((), (), ())
    assert ledger.find(Filter()).captures == ()


def test_firing_resolved_firing_in_one_delivery_are_two_captures(ledger: Ledger) -> None:
    receipt = ledger.receive([firing(), resolved(), firing(), firing()]).result(60)
    first, second = (ledger.get(id_) for id_ in receipt.created)
    assert first is not None
    assert second is not None
    assert (first.resolved_at, second.resolved_at) == (NOON, None)
    assert receipt.known == (second.id,)


def test_an_alert_of_no_rule_is_a_skipped_row_and_its_repeat_is_known(open_ledger: Open) -> None:
    ledger = open_ledger((Rule("orders", parse_matchers('job="order"')),))
    receipt = ledger.receive([firing()]).result(60)
    ((fingerprint, reason),) = receipt.skipped
    assert (receipt.created, fingerprint, reason.code) == ((), "a1", Code.NO_RULE)
    (row,) = ledger.find(Filter()).captures
    assert (row.state, row.reason, row.due_at) == (State.SKIPPED, reason, None)
    assert ledger.receive([firing()]).result(60).known == (row.id,)


def test_while_paused_alerts_are_held_back_and_due_at_once_afterwards(ledger: Ledger) -> None:
    ledger.pause(NOON, "ops")
    ledger.pause(NOON + SECOND, "someone else")
    assert ledger.paused() == "paused since 2026-11-23 12:00:00 UTC by ops"
    (new,) = ledger.receive([firing()]).result(60).created
    claim = claimed(ledger)
    assert claim.capture.reason and claim.capture.reason.code is Code.PAUSED
    ledger.release(claim, replace(claim.capture, due_at=NOON + 300 * SECOND))
    assert ledger.next_due() == NOON + 300 * SECOND
    ledger.resume()
    assert (ledger.paused(), ledger.next_due()) == (None, NOON)
    assert ledger.receive([firing()]).result(60).known == (new,)


def test_several_who_pause_and_resume_at_once_all_succeed(open_ledger: Open) -> None:
    replicas = [open_ledger(), open_ledger()]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: replicas[n % 2].pause(NOON, f"ops{n}"), range(48)))
        assert (replicas[0].paused() or "").startswith("paused since 2026-11-23 12:00:00 UTC by ops")
        list(pool.map(lambda n: replicas[n % 2].resume() if n % 3 else replicas[0].pause(NOON, "ops"), range(48)))
    replicas[0].resume()
    assert replicas[1].paused() is None


def test_the_end_of_an_alert_makes_the_row_due_that_is_held_back(ledger: Ledger) -> None:
    ledger.receive([firing()]).result(60)
    claim = claimed(ledger)
    ledger.release(claim, replace(claim.capture, due_at=NOON + 300 * SECOND))
    woken: list[bool] = []
    ledger.on_due = lambda: woken.append(True)
    ledger.receive([resolved()]).result(60)
    assert (woken, ledger.next_due()) == ([True], NOON)


def test_the_end_of_an_alert_that_came_while_its_row_was_worked_on_keeps_it_due(ledger: Ledger) -> None:
    ledger.receive([firing()]).result(60)
    claim = claimed(ledger)
    ledger.receive([resolved()]).result(60)
    ledger.release(claim, replace(claim.capture, due_at=NOON + 300 * SECOND))
    assert ledger.next_due() == NOON


def test_the_end_of_an_alert_leaves_a_recording_as_it_is(ledger: Ledger) -> None:
    ledger.receive([firing()]).result(60)
    claim = claimed(ledger)
    ledger.release(claim, recording(claim.capture))
    ledger.receive([resolved()]).result(60)
    assert ledger.next_due() == NOON + 30 * SECOND


def test_a_place_that_is_left_wakes_the_first_few_that_wait_for_one(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ledger.save(claim, recording(claim.capture))
    held = Reason(Code.BUDGET, "full")
    for number in range(2, 9):
        where = Target("10.0.0.5" if number == 8 else "i", number)
        ledger.create(manual(number, reason=held, target=where, due_at=NOON + 300 * SECOND))
    ledger.release(claim, completed(recording(claim.capture)))
    due = {c.id for c in ledger.find(Filter(limit=9)).captures if c.due_at == NOON}
    assert due == {manual(number).id for number in (8, 2, 3, 4)}, "on the same host first, then the longest"


def test_the_last_one_that_an_alert_asked_for_may_be_asked_for(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ended = completed(recording(claim.capture))
    ledger.release(claim, ended)
    assert ledger.last_ended(process().key, "", "", by="manual") == ended
    assert ledger.last_ended(process().key, "", "", by="alert") is None


def test_fifty_deliveries_of_two_alerts_on_two_replicas_make_two_captures(open_ledger: Open) -> None:
    replicas = [open_ledger(), open_ledger()]
    alerts = [[firing("a"), firing("b")], [firing("b"), firing("a")]]
    with ThreadPoolExecutor(16) as pool:
        sent = list(pool.map(lambda n: replicas[n % 2].receive(alerts[n % 2]).result(60), range(50)))
    created = [id_ for receipt in sent for id_ in receipt.created]
    assert len(created) == 2
    assert all(set(receipt.created) | set(receipt.known) == set(created) for receipt in sent)
    assert len(replicas[0].find(Filter()).captures) == 2


def test_a_delivery_that_cannot_be_decided_does_not_take_others_with_it(ledger: Ledger) -> None:
    sound = ledger.decide
    begun, go_on = threading.Event(), threading.Event()

    def decide(alert, episode, **world):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN202
        if alert.fingerprint == "first":
            begun.set()
            go_on.wait(60)
        if alert.fingerprint == "poison":
            raise ZeroDivisionError
        return sound(alert, episode, **world)

    ledger.decide = decide
    ledger.receive([firing("first")])
    assert begun.wait(60)
    poison, good = ledger.receive([firing("poison")]), ledger.receive([firing("good")])
    go_on.set()
    assert isinstance(poison.exception(9), ZeroDivisionError)
    assert len(good.result(60).created) == 1


def test_whatever_is_in_a_label_comes_back(ledger: Ledger) -> None:
    odd = {"app.kubernetes.io/name": "订单 🙂", "nul": "a\x00b", "quote": "\"'\\\n", "alertname": "NUL\x00"}
    (id_,) = ledger.receive([replace(firing(), labels=odd)]).result(60).created
    capture = ledger.get(id_)
    assert capture is not None
    assert capture.trigger.labels == odd


# work is claimed


def test_what_is_due_is_claimed_once(ledger: Ledger) -> None:
    ledger.create(manual(1))
    assert claimed(ledger).capture == ledger.get(manual(1).id)
    assert ledger.claim(NOON, "other", LEASE) is None


def test_what_is_not_yet_due_is_not_claimed(ledger: Ledger) -> None:
    ledger.create(manual(1, due_at=NOON + SECOND))
    assert ledger.claim(NOON, ME, LEASE) is None
    assert ledger.next_due() == NOON + SECOND
    assert claimed(ledger, SECOND).capture.id == manual(1).id


def test_stops_go_before_starts_and_the_longest_due_first(ledger: Ledger) -> None:
    ledger.create(manual(1, due_at=NOON - SECOND))
    ledger.create(manual(2, due_at=NOON - 2 * SECOND))
    ledger.create(recording(manual(3), pid=3, until=NOON))
    ledger.create(replace(recording(manual(4), pid=4, until=NOON - SECOND), step=Step.STOP))
    order = [claimed(ledger).capture.id for _ in range(4)]
    assert order == [manual(number).id for number in (4, 3, 2, 1)]


def test_starts_go_before_files_and_cleaning_and_the_alert_that_fired_first_before_the_others(ledger: Ledger) -> None:
    late, early = (firing(name, starts_at=NOON - ago * SECOND) for name, ago in (("a1", 5), ("a2", 60)))
    ledger.receive([late, early]).result(60)
    ledger.create(replace(recording(manual(11), pid=1), step=Step.CLEAN, due_at=NOON - 2 * SECOND))
    ledger.create(replace(recording(manual(12), pid=2), step=Step.COLLECT, due_at=NOON - SECOND))
    order = [claimed(ledger).capture for _ in range(4)]
    assert [(capture.step, capture.trigger.fingerprint) for capture in order] == [
        (Step.RESOLVE, "a2"), (Step.RESOLVE, "a1"), (Step.COLLECT, None), (Step.CLEAN, None)
    ]  # fmt: skip


def test_files_that_have_waited_for_long_go_before_starts(ledger: Ledger) -> None:
    ledger.create(manual(1))
    ledger.create(replace(recording(manual(2), pid=2), step=Step.COLLECT, due_at=NOON - 11 * SECOND))
    assert claimed(ledger).capture.id == manual(2).id


def test_what_waits_in_a_closed_lane_is_neither_claimed_nor_waited_for(ledger: Ledger) -> None:
    for number, host in enumerate(("slow", "slow", "quick", ""), start=1):
        ledger.create(manual(number, lane=host))
    ledger.create(replace(recording(manual(5)), step=Step.COLLECT, due_at=NOON, lane="slow"))
    closed = Closed(asking=("slow",))
    claims = [ledger.claim(NOON, ME, LEASE, closed) for _ in range(3)]
    lanes = sorted(claim.capture.lane for claim in claims if claim)
    assert lanes == ["", "quick", "slow"], "files have a lane of their own"
    assert ledger.claim(NOON, ME, LEASE, closed) is None
    assert ledger.next_due(closed) == NOON + LEASE
    assert ledger.next_due() == NOON
    assert ledger.claim(NOON, ME, LEASE, Closed(only=("quick",), no_files=True)) is None
    assert claimed(ledger).capture.id == manual(1).id


def test_a_lease_that_ran_out_is_taken_over_and_the_late_owner_saves_nothing(ledger: Ledger) -> None:
    ledger.create(manual(1))
    late = claimed(ledger, owner="late")
    assert ledger.next_due() == NOON + LEASE
    assert ledger.claim(NOON + LEASE - SECOND, "next", LEASE) is None
    taken = claimed(ledger, LEASE, owner="next")
    assert taken.fence > late.fence
    with pytest.raises(FenceLost):
        ledger.save(late, late.capture.with_event(NOON, "late", "too late"))
    ledger.renew([late], NOON + LEASE, 2 * LEASE)
    assert ledger.next_due() == NOON + 2 * LEASE, "the late owner extends nothing"
    ledger.save(taken, taken.capture.with_event(NOON, "next", "in time"))
    capture = ledger.get(taken.capture.id)
    assert capture is not None
    assert [entry.step for entry in capture.timeline] == ["next"]


def test_an_owner_that_takes_its_own_row_again_saves_by_its_new_claim_only(ledger: Ledger) -> None:
    ledger.create(manual(1))
    old = claimed(ledger)
    new = claimed(ledger, LEASE)
    with pytest.raises(FenceLost):
        ledger.save(old, old.capture)
    ledger.save(new, new.capture)


def test_a_renewed_lease_is_not_taken_over(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ledger.renew([claim], NOON + 20 * SECOND, LEASE)
    assert ledger.claim(NOON + LEASE, "next", LEASE) is None
    assert ledger.claim(NOON + 20 * SECOND + LEASE, "next", LEASE) is not None


def test_what_is_released_can_be_claimed_at_once_and_saved_no_more(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ledger.release(claim, claim.capture)
    with pytest.raises(FenceLost):
        ledger.save(claim, claim.capture)
    assert claimed(ledger, owner="next").fence == claim.fence + 1


def test_many_workers_claim_every_row_exactly_once(open_ledger: Open) -> None:
    replicas = [open_ledger(), open_ledger()]
    for number in range(40):
        replicas[0].create(manual(number + 1))

    def work(worker: int) -> list[str]:
        mine = []
        while (claim := replicas[worker % 2].claim(NOON, f"w{worker}", LEASE)) is not None:
            mine.append(claim.capture.id)
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = [id_ for mine in pool.map(work, range(8)) for id_ in mine]
    assert sorted(taken) == [manual(number + 1).id for number in range(40)]


# and saved


def test_a_capture_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    full = replace(
        recording(claim.capture),
        target=Target("h", 7, "s", "/x", "x -f", NOON, "c", "u", "go1.25", "v1.6.0", "port"),
        give_up_at=NOON + SECOND,
        attempt=3,
        reason=Reason(Code.TIMEOUT, "slow"),
        stopped_at=NOON,
        artifacts=(Artifact("a.pprof", Kind.CPU, 3, "ab"),),
        findings=(Finding("warning", "hot", "spin() is hot", "cpu", ("main.spin",)),),
        labels={"a": "b"},
        notes={"files": ["x"], "deep": {"n": 1}},
        duration=timedelta(milliseconds=1500),
        profiler="go-zero",
    ).with_event(NOON + timedelta(microseconds=1), "start", "recording")
    ledger.save(claim, full)
    assert ledger.get(full.id) == full


def test_two_captures_cannot_be_active_on_one_process(ledger: Ledger) -> None:
    ledger.create(manual(1))
    ledger.create(manual(2))
    first, second = claimed(ledger), claimed(ledger)
    ledger.save(first, recording(first.capture))
    with pytest.raises(ProcessTaken) as taken:
        ledger.save(second, recording(second.capture))
    assert taken.value.other == first.capture.id
    ledger.save(second, recording(second.capture, pid=8))


def test_an_ended_capture_leaves_its_process_to_the_next(ledger: Ledger) -> None:
    ledger.create(manual(1))
    ledger.create(manual(2))
    first, second = claimed(ledger), claimed(ledger)
    ledger.save(first, recording(first.capture))
    assert ledger.last_ended(process().key, "", "") is None
    ended = completed(recording(first.capture))
    ledger.release(first, ended)
    assert ledger.last_ended(process().key, "", "") == ended
    assert ledger.last_ended(process(8).key, "", "") is None
    ledger.release(second, recording(second.capture))


def test_a_capture_that_never_recorded_is_not_the_last_of_its_process(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ledger.release(claim, replace(claim.capture, process=process()).skipped(NOON, Code.COOLDOWN, "too soon"))
    assert ledger.last_ended(process().key, "", "") is None


def test_a_service_that_was_restarted_is_as_its_old_process(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ended = replace(completed(recording(claim.capture)), target=Target("h", 7, service="orders"))
    ledger.release(claim, ended)
    assert ledger.last_ended(process(8).key, "h", "orders") == ended
    assert ledger.last_ended(process(8).key, "h", "payments") is None
    assert ledger.last_ended(process(8).key, "other", "orders") is None


@pytest.mark.parametrize(
    ("bounds", "second", "word"),
    [
        (Bounds(per_host=1, per_service=9), Target("h", 8, service="other"), "limits.per_host"),
        (Bounds(per_host=9, per_service=1), Target("i", 8, service="orders"), "limits.per_service"),
        (Bounds(per_host=9, per_service=9, at_once=1), Target("i", 8, service="other"), "limits.at_once"),
    ],
)
def test_a_recording_too_many_waits_until_another_has_ended(
    ledger: Ledger, bounds: Bounds, second: Target, word: str
) -> None:
    ledger.bounds = bounds
    ledger.create(manual(1))
    ledger.create(manual(2))
    first, later = claimed(ledger), claimed(ledger)
    taken = replace(first.capture, target=Target("h", 7, service="orders"), process=process())
    ledger.save(first, taken.to(Step.START, due=NOON))
    waiting = replace(later.capture, target=second, process=process(8)).to(Step.START, due=NOON)
    with pytest.raises(Full, match=re.escape(word)) as full:
        ledger.save(later, waiting)
    assert full.value.waits
    ledger.save(first, taken.to(Step.COLLECT, due=NOON))
    ledger.save(later, waiting)


def test_that_the_process_is_taken_is_said_before_that_there_is_no_room(ledger: Ledger) -> None:
    ledger.bounds = Bounds()
    ledger.create(manual(1))
    ledger.create(manual(2))
    first, later = claimed(ledger), claimed(ledger)
    target = Target("h", 7, service="orders")
    ledger.save(first, replace(first.capture, target=target, process=process()).to(Step.START, due=NOON))
    with pytest.raises(ProcessTaken):
        ledger.save(later, replace(later.capture, target=target, process=process()).to(Step.START, due=NOON))


def test_the_hours_budget_says_when_there_is_some_again(ledger: Ledger) -> None:
    ledger.bounds = Bounds(per_hour=1)
    ledger.create(manual(1))
    ledger.create(manual(2))
    first, later = claimed(ledger), claimed(ledger)
    ledger.release(first, completed(recording(first.capture)))
    with pytest.raises(Full, match=r"limits\.per_hour") as full:
        ledger.save(later, replace(later.capture, process=process(8)).to(Step.START, due=NOON))
    assert (full.value.waits, full.value.until) == (False, NOON + timedelta(hours=1))


def test_a_capture_that_would_be_due_never_is_refused(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    with pytest.raises(ValueError, match="due never"):
        ledger.save(claim, replace(claim.capture, due_at=None))
    with pytest.raises(ValueError, match="due never"):
        ledger.create(manual(2, due_at=None))


def test_an_id_is_given_once(ledger: Ledger) -> None:
    ledger.create(manual(1))
    with pytest.raises(ValueError, match="already"):
        ledger.create(manual(1))


def test_what_the_intake_noted_meanwhile_survives_a_save(ledger: Ledger) -> None:
    ledger.receive([firing()]).result(60)
    claim = claimed(ledger)
    ledger.receive([resolved()]).result(60)
    ledger.release(claim, claim.capture)
    capture = ledger.get(claim.capture.id)
    assert capture is not None
    assert capture.resolved_at == NOON


# a stop is asked for


def test_a_stop_makes_a_waiting_capture_due(ledger: Ledger) -> None:
    ledger.create(recording(manual(1)))
    assert ledger.claim(NOON + SECOND, ME, LEASE) is None
    assert ledger.request_stop(manual(1).id, NOON + SECOND)
    claim = claimed(ledger, SECOND)
    assert claim.capture.stop_requested_at == NOON + SECOND


def test_a_stop_that_comes_while_it_is_worked_on_is_seen_after_the_save(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ledger.request_stop(manual(1).id, NOON + SECOND)
    ledger.save(claim, recording(claim.capture))
    ledger.release(claim, recording(claim.capture))
    seen = claimed(ledger, SECOND)
    assert (seen.capture.stop_requested_at, seen.capture.due_at) == (NOON + SECOND, NOON + SECOND)
    ledger.release(seen, recording(seen.capture))
    assert ledger.claim(NOON + SECOND, ME, LEASE) is None, "a stop that was seen makes nothing due"


def test_a_stop_that_comes_while_it_ends_does_not_revive_it(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = claimed(ledger)
    ledger.request_stop(manual(1).id, NOON)
    ledger.release(claim, completed(claim.capture))
    assert ledger.claim(NOON + LEASE, ME, LEASE) is None


def test_what_has_ended_or_never_was_cannot_be_stopped(ledger: Ledger) -> None:
    ledger.create(completed(manual(1)))
    assert not ledger.request_stop(manual(1).id, NOON)
    assert not ledger.request_stop(manual(2).id, NOON)


def test_only_what_has_ended_is_deleted(ledger: Ledger) -> None:
    ledger.create(manual(1))
    ledger.create(completed(manual(2)))
    assert ledger.delete(manual(1).id) is None
    deleted = ledger.delete(manual(2).id)
    assert deleted is not None
    assert deleted.id == manual(2).id
    assert ledger.get(manual(2).id) is None
    assert ledger.get(manual(1).id) is not None


def test_whoever_waits_for_work_is_woken_when_something_is_due_and_only_then(ledger: Ledger) -> None:
    woken: list[int] = []
    ledger.on_due = lambda: woken.append(1)
    ledger.receive([firing()]).result(60)
    ledger.create(manual(100))
    ledger.request_stop(manual(100).id, NOON)
    assert len(woken) == 3
    ledger.receive([firing(), resolved()]).result(60)
    ledger.request_stop(manual(101).id, NOON)
    assert len(woken) == 3


# captures are looked at


def filled(ledger: Ledger) -> None:
    """Five captures, one a minute; the odd ones are completed, of the host h1."""
    for number in range(1, 6):
        odd = number % 2 == 1
        target = Target(f"h{number % 2}", service="order" if odd else "pay")
        capture = replace(manual(number), created_at=NOON + number * 60 * SECOND, target=target)
        capture = replace(capture, trigger=Trigger("alert", {"n": str(number), "alertname": "X"}))
        ledger.create(completed(capture) if odd else replace(capture, profiler="command"))


def numbers(ledger: Ledger, asked: Filter) -> list[int]:
    return [UUID(capture.id).int for capture in ledger.find(asked).captures]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Filter(), [5, 4, 3, 2, 1]),
        (Filter(id="00000000-0000-0000-0000-000000000003"), [3]),
        (Filter(id="00000000-0000-0000-0000-00000000000"), [5, 4, 3, 2, 1]),
        (Filter(id="00000000-0000-0000-0000-0000000000003"), []),
        (Filter(state=State.COMPLETED), [5, 3, 1]),
        (Filter(state=State.FAILED), []),
        (Filter(host="h0"), [4, 2]),
        (Filter(service="order"), [5, 3, 1]),
        (Filter(profiler="command"), [4, 2]),
        (Filter(alertname="X"), [5, 4, 3, 2, 1]),
        (Filter(alertname="Y"), []),
        (Filter(fingerprint="f"), []),
        (Filter(since=NOON + timedelta(minutes=4)), [5, 4]),
        (Filter(until=NOON + timedelta(minutes=2)), [1]),
        (Filter(host="h1", since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=5)), [3]),
        (Filter(matchers=(parse_matcher("n=~[125]"), parse_matcher("n!=2"))), [5, 1]),
        (Filter(matchers=(parse_matcher('absent=""'),), host="h0"), [4, 2]),
        (Filter(matchers=(parse_matcher("n=7"),)), []),
        (Filter(rule="another"), []),
        (Filter(reason="cooldown"), []),
    ],
)
def test_captures_are_found_newest_first(ledger: Ledger, asked: Filter, found: list[int]) -> None:
    filled(ledger)
    page = ledger.find(asked)
    assert [UUID(capture.id).int for capture in page.captures] == found
    assert page.next is None


@pytest.mark.parametrize(
    ("asked", "done", "open_"),
    [
        (Filter(), {0: 1, 1: 1}, {1: 1}),
        (Filter(host="h0"), {}, {1: 1}),
        (Filter(matchers=(parse_matcher("n!=1"),)), {1: 1}, {1: 1}),
    ],
)
def test_captures_are_counted_by_time_and_state(
    ledger: Ledger, asked: Filter, done: dict[int, int], open_: dict[int, int]
) -> None:
    """Number 1 comes in the first two minutes, 2 and 3 in the next two; 4 and 5 after the end."""
    filled(ledger)
    counts = ledger.counts_by_time(asked, NOON, timedelta(minutes=2), 2)
    assert {at: n for (at, state), n in counts.items() if state is State.COMPLETED} == done
    assert {at: n for (at, state), n in counts.items() if state is State.PENDING} == open_


def test_what_filters_may_ask_is_told_newest_first(ledger: Ledger) -> None:
    filled(ledger)
    values = ledger.recent_values()
    assert [value.host for value in values] == ["h1", "h0", "h1", "h0", "h1"]
    assert (values[0].state, values[0].service, values[0].alertname, values[0].reason) == (
        "completed",
        "order",
        "X",
        "",
    )


@pytest.mark.parametrize("matchers", [(), (parse_matcher("n!=3"),)])
def test_pages_follow_each_other_without_gap_or_repeat(ledger: Ledger, matchers: tuple[()]) -> None:
    filled(ledger)
    seen: list[int] = []
    cursor = None
    for _ in range(5):
        page = ledger.find(Filter(matchers=matchers, limit=2, cursor=cursor))
        seen += [UUID(capture.id).int for capture in page.captures]
        if (cursor := page.next) is None:
            break
    assert seen == ([5, 4, 2, 1] if matchers else [5, 4, 3, 2, 1])
    assert cursor is None


def test_a_matcher_looks_behind_the_first_page_of_rows(ledger: Ledger) -> None:
    ledger.receive([firing(f"f{n}", n=str(n)) for n in range(500)]).result(60)
    page = ledger.find(Filter(matchers=(parse_matcher("n=~1|2|400"),), limit=3))
    assert sorted(capture.trigger.labels["n"] for capture in page.captures) == ["1", "2", "400"]
    assert page.next is None


def test_a_cursor_that_is_none_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="is no cursor"):
        ledger.find(Filter(cursor="42; DROP TABLE captures"))


def test_all_captures_of_an_alert_are_found_by_its_fingerprint(ledger: Ledger) -> None:
    receipt = ledger.receive([firing("a"), firing("b"), resolved("a"), firing("a")]).result(60)
    of_a = ledger.of_fingerprint("a")
    assert [capture.id for capture in of_a] == [receipt.created[2], receipt.created[0]]


def test_states_are_counted_also_where_there_is_none(ledger: Ledger) -> None:
    filled(ledger)
    counted = ledger.counts()
    assert (counted[State.PENDING], counted[State.COMPLETED], counted[State.FAILED]) == (2, 3, 0)
    assert set(counted) == set(State)


# the last messages


def test_a_message_is_kept_with_what_became_of_it(ledger: Ledger) -> None:
    ledger.receive([firing("a"), firing("b")], b'{"alerts": "as it came, \\u0000 and all"}').result(60)
    ledger.receive([firing("a"), replace(firing("c"), labels={})], b"{}").result(60)
    newest, oldest = ledger.messages()
    assert (oldest.about, oldest.alerts, oldest.created, oldest.known) == ("HighCPU", 2, 2, 0)
    assert (newest.about, newest.created, newest.known) == ("HighCPU, an alert without a name", 1, 1)
    assert (oldest.received_at, oldest.size, oldest.body) == (NOON, 40, None), "the list has no bodies"
    whole = ledger.message(oldest.id)
    assert whole and whole.body == '{"alerts": "as it came, \\u0000 and all"}'
    assert ledger.message("none") is None


def test_only_the_last_messages_are_kept(ledger: Ledger, url: str) -> None:
    for number in range(KEPT + 25):  # one after the other: none shares its transaction
        assert ledger.receive([firing(f"f{number}")], b"%d" % number).result(60).created
    kept = ledger.messages()
    assert len(kept) == KEPT
    bodies = [message.body for each in kept if (message := ledger.message(each.id))]
    assert bodies == [str(number) for number in range(KEPT + 24, 24, -1)]
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM messages")).scalar() == KEPT
    engine.dispose()


def test_of_a_large_message_only_that_it_came_is_kept(ledger: Ledger) -> None:
    ledger.receive([firing("a")], b"x" * LARGEST).result(60)
    ledger.receive([firing("b")], b"x" * (LARGEST + 1)).result(60)
    large, largest = (ledger.message(message.id) for message in ledger.messages())
    assert large and (large.size, large.body, large.kept) == (LARGEST + 1, None, False)
    assert largest and largest.kept and len(largest.body or "") == LARGEST


def test_a_message_that_only_repeats_is_not_kept_and_one_with_something_new_is(ledger: Ledger) -> None:
    ledger.receive([firing("a1")], b"first").result()
    ledger.receive([firing("a1")], b"again").result()
    ledger.receive([firing("a1"), firing("b2")], b"more").result()
    ledger.receive([resolved("a1")], b"over").result()
    kept = [ledger.message(message.id) for message in ledger.messages()]
    assert [message.body for message in kept if message] == ["over", "more", "first"]


def test_a_message_that_repeats_is_kept_once_if_it_says_that_alerts_were_left_out(ledger: Ledger) -> None:
    """Alertmanager may send the only alert that it does not leave out in a message before."""
    for left_out in (0, 4, 4, 5):
        ledger.receive([firing("a1")], b"{}", left_out).result(60)
    assert [message.left_out for message in ledger.messages()] == [5, 4, 0]


def test_a_message_of_which_nothing_was_recorded_is_not_kept(ledger: Ledger) -> None:
    usual = ledger.decide
    ledger.decide = lambda alert, episode, *, now, paused: 1 / 0  # type: ignore[assignment]
    assert isinstance(ledger.receive([firing()], b"{}").exception(9), ZeroDivisionError)
    assert ledger.messages() == ()
    ledger.decide = usual
    ledger.receive([resolved()], b"{}").result(60)
    assert [message.alerts for message in ledger.messages()] == [1], "also one that led to nothing"


def test_replicas_that_take_messages_at_once_keep_the_last_of_all(open_ledger: Open) -> None:
    replicas = open_ledger(), open_ledger()

    def send(number: int) -> None:
        alerts = [firing(f"f{number % 3}"), firing(f"new{number}")]
        replicas[number % 2].receive(alerts, b"%d" % number).result(60)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(120)))
    assert len(replicas[0].messages()) == KEPT


# what would be


def test_what_would_be_is_read_without_changing_anything(ledger: Ledger, url: str) -> None:
    (id_,) = ledger.receive([firing()]).result(60).created
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    ledger.save(claim, recording(claim.capture))
    asked = replace(manual(900), target=Target("10.0.0.5", 9, "pay"))
    reader = open_reader(url, Bounds())
    try:
        assert reader.episodes(["a1", "none"]) == {"a1": Episode(id_, State.RECORDING, None, None, None, NOON)}
        assert reader.active_on(process().key) == id_
        assert reader.active_on("another") is None
        full = reader.full(asked, NOON)
        assert full and full.waits and "limits.per_host" in str(full)
        assert reader.full(replace(asked, target=Target("h2", 9, "pay")), NOON) is None
        if url.startswith("sqlite"):
            with (
                pytest.raises(LedgerUnavailable, match="may not be written"),
                reader._database.writing() as connection,
            ):
                switches.pause(connection, NOON, ME)
    finally:
        reader.close()


def test_a_ledger_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="there is no database"):
        open_reader(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


# what is not signalled any more


def harmful(build: str = "go:a/b", at: timedelta = timedelta(0), **different: object) -> Blocked:
    one = Blocked(id_of(build), build, "/srv/orders", "10.0.0.5", 7, "c1", NOON + at, "SIGUSR2", "it ended")
    return replace(one, **different)  # type: ignore[arg-type]


def test_what_one_replica_blocks_every_other_sees_newest_first(open_ledger: Open) -> None:
    one, two = open_ledger(), open_ledger()
    assert one.blocked() == ()
    one.block(harmful())
    one.block(harmful("sha256:00", SECOND))
    assert two.blocked() == (harmful("sha256:00", SECOND), harmful())
    assert two.blocked_as("go:a/b") == harmful()
    assert two.blocked_as("go:a/c") is None


def test_of_a_build_that_is_blocked_already_the_first_row_stays(open_ledger: Open) -> None:
    replicas = [open_ledger() for _ in range(4)]
    rows = [harmful(capture=f"c{n}", pid=n) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: replicas[n % 4].block(rows[n]), range(8)))
    (first,) = replicas[0].blocked()
    replicas[1].block(harmful(capture="late"))
    assert replicas[2].blocked() == (first,)
    assert first in rows


def test_a_build_that_could_not_be_read_is_never_blocked(ledger: Ledger) -> None:
    ledger.block(harmful())
    assert ledger.blocked_as("") is None


def test_who_takes_one_off_the_list_is_told_what_it_was_and_the_others_stay(open_ledger: Open) -> None:
    one, two = open_ledger(), open_ledger()
    one.block(harmful())
    one.block(harmful("gnu:00"))
    assert two.unblock(id_of("go:a/b")) == harmful()
    assert one.unblock(id_of("go:a/b")) is None
    assert one.blocked() == (harmful("gnu:00"),)
    one.block(harmful(capture="again"))
    assert two.blocked_as("go:a/b") == harmful(capture="again"), "a later harm blocks it anew"


def test_what_a_host_said_of_an_executable_is_kept_whatever_it_is(ledger: Ledger) -> None:
    ledger.block(harmful(exe="/srv/\x00\x1b[2J", message="x\x00"))
    (one,) = ledger.blocked()
    assert (one.exe, one.message) == ("/srv/\ufffd\x1b[2J", "x\ufffd")


def test_a_finding_of_an_older_version_has_no_code_and_is_read_as_it_is(ledger: Ledger, url: str) -> None:
    ledger.create(manual(1, findings=(Finding("critical", "it ended", "why", code="ended_after_signal"),)))
    ledger.create(manual(2))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        old = '[{"severity":"warning","title":"hot","detail":"d","kind":"cpu","functions":["f"]}]'
        connection.execute(
            sa.text("UPDATE captures SET findings = :old WHERE id = :id"), {"old": old, "id": manual(2).id}
        )
    engine.dispose()
    new, older = ledger.get(manual(1).id), ledger.get(manual(2).id)
    assert new and new.findings[0].code == "ended_after_signal"
    assert older and older.findings == (Finding("warning", "hot", "d", "cpu", ("f",)),)


# pre-arms


def test_a_pre_arm_is_one_replicas_and_is_kept_until_it_was_not_seen_for_a_while(open_ledger: Open) -> None:
    mine, theirs = open_ledger().prearms, open_ledger().prearms
    one = PreArm(str(UUID(int=1)), "key", NOON, NOON)
    assert mine.begin(one) and not theirs.begin(replace(one, id=str(UUID(int=2))))
    files = (Artifact("orders-7-evidence-20261123T120000Z.json", Kind.EVIDENCE, 7, "00"),)
    mine.save(replace(one, process="boot:7:1", artifacts=files, message="first\x00look"))
    theirs.seen(one.id, NOON + SECOND)
    found = theirs.of("key")
    assert found == PreArm(one.id, "key", NOON, NOON + SECOND, "boot:7:1", files, "first\ufffdlook")
    assert theirs.of("another") is None and mine.count() == 1
    assert mine.last_seen_before(NOON + SECOND) == () and mine.last_seen_before(NOON + 2 * SECOND) == (found,)
    mine.remove(one.id)
    assert theirs.of("key") is None and theirs.begin(one)


# calm captures on a schedule


def test_of_two_replicas_one_takes_the_calm_capture_and_the_next_one_only_after_its_time(open_ledger: Open) -> None:
    mine, theirs = open_ledger(), open_ledger()
    day, later = timedelta(days=1), NOON + timedelta(days=1)
    assert mine.calm.take(manual(1), "orders", NOON - day)
    assert not theirs.calm.take(manual(2), "orders", NOON - day) and theirs.get(manual(2).id) is None
    assert theirs.calm.take(manual(3, created_at=later), "orders", later - day)
    for skewed in (later, later - SECOND):
        assert not mine.calm.take(manual(4, created_at=skewed), "orders", skewed - day)
    assert mine.calm.take(manual(5), "payments", NOON - day)
    claim = claimed(mine)  # of the first one, which was not judged before the next
    mine.release(claim, completed(claim.capture))
    claim = claimed(mine)
    mine.release(claim, completed(claim.capture))
    assert theirs.calm.unjudged(NOON - SECOND) == ()
    (unjudged,) = theirs.calm.unjudged(NOON)
    assert unjudged.id in (manual(3).id, manual(5).id)
    mine.calm.judged(unjudged.id)
    assert theirs.calm.unjudged(NOON) == ()


def test_a_service_is_due_by_its_last_capture_unless_a_baseline_was_made_lately(ledger: Ledger) -> None:
    for number, service in ((1, "orders"), (2, "orders"), (3, "payments")):
        capture = manual(number, rule="r", trigger=Trigger("alert", {"job": service}), target=Target("h", 7, service))
        ledger.create(capture.ended(State.COMPLETED, NOON))
    ledger.create(manual(4, rule="r", target=Target("h", 7, "by hand")).ended(State.COMPLETED, NOON))
    before = NOON + SECOND
    later = before + timedelta(days=1)
    assert [each.id for each in ledger.calm.due("r", before, later)] == [manual(2).id, manual(3).id]
    assert ledger.calm.due("another", before, later) == ()
    assert ledger.choose_baseline(ledger.calm.due("r", before, later)[1])
    assert [each.id for each in ledger.calm.due("r", NOON - SECOND, before)] == [manual(2).id]
    assert ledger.calm.take(manual(5), "orders", NOON)
    assert ledger.calm.due("r", NOON - SECOND, before) == ()
    assert ledger.calm.number(NOON - SECOND, NOON) == (2, 1), "those of rules, of which one has ended"


def test_alerts_are_told_while_they_fire_and_for_a_while_after_they_ended(ledger: Ledger) -> None:
    ledger.receive([firing("a1", job="orders"), firing("a2", job="pay")]).result()
    ledger.receive([resolved("a2", ends_at=NOON + SECOND)]).result()
    assert {each.labels["job"] for each in ledger.calm.alerts(NOON + SECOND)} == {"orders", "pay"}
    assert {each.labels["job"] for each in ledger.calm.alerts(NOON + 2 * SECOND)} == {"orders"}


# the baseline of a service


def of_service(number: int, service: str = "order-mq", *, state: State = State.COMPLETED) -> Capture:
    capture = manual(number, target=Target("10.0.0.5", 7, service))
    return capture if state is State.PENDING else capture.ended(state, NOON)


def test_what_one_replica_does_for_all_is_done_once_in_a_while_whatever_a_clock_said_before(
    open_ledger: Open, url: str
) -> None:
    one, other = open_ledger(), open_ledger()
    alone = url.startswith("sqlite")
    ahead, minute = NOON + timedelta(hours=9), timedelta(minutes=1)
    assert one.takes("clearing", ahead, minute)
    assert other.takes("clearing", NOON, minute), "a time in the future is from before the clock was set"
    assert one.takes("clearing", NOON + minute / 2, minute) is alone
    assert one.takes("other", NOON, minute)
    assert one.takes("clearing", NOON + minute, minute)
    assert other.takes("clearing", NOON + minute, minute) is alone


def test_a_service_has_one_baseline_and_the_last_one_chosen_is_it(open_ledger: Open) -> None:
    one, two = open_ledger(), open_ledger()
    for capture in (first := of_service(1), second := of_service(2), other := of_service(3, "pay")):
        one.create(capture)
    assert one.baseline("order-mq") is None
    assert all(map(one.choose_baseline, (first, other)))
    assert two.choose_baseline(second)
    assert one.baseline("order-mq") == replace(second, baseline=True)
    assert (found := one.get(first.id)) and not found.baseline
    assert (found := two.baseline("pay")) and found.id == other.id
    one.unchoose_baseline(first.id)
    assert two.baseline("order-mq"), "the first one is no baseline any more, so nothing changes"
    one.unchoose_baseline(second.id)
    assert two.baseline("order-mq") is None


def test_what_has_not_completed_or_has_no_service_takes_no_baselines_place(ledger: Ledger) -> None:
    captures = [
        of_service(1),
        of_service(2, state=State.FAILED),
        of_service(3, state=State.PENDING),
        of_service(4, ""),
    ]
    for capture in captures:
        ledger.create(capture)
    assert [ledger.choose_baseline(capture) for capture in captures] == [True, False, False, False]
    assert (found := ledger.baseline("order-mq")) and found.id == captures[0].id


def test_retention_leaves_a_baseline_alone_and_a_person_may_delete_it(ledger: Ledger) -> None:
    ledger.create(capture := of_service(1))
    assert ledger.choose_baseline(capture)
    assert [row.pinned for row in ledger.stored()] == [True]
    assert ledger.delete(capture.id, pinned=False) is None
    assert ledger.delete(capture.id)
    assert ledger.baseline("order-mq") is None


def test_replicas_that_choose_at_the_same_time_leave_one_baseline(open_ledger: Open) -> None:
    one, two = open_ledger(), open_ledger()
    captures = [of_service(number) for number in range(1, 9)]
    for capture in captures:
        one.create(capture)
    with ThreadPoolExecutor(8) as pool:
        chosen = list(pool.map(lambda at: (one, two)[at % 2].choose_baseline(captures[at]), range(8)))
    assert all(chosen)
    assert sum(found.baseline for capture in captures if (found := one.get(capture.id))) == 1


# the tables


def test_the_migrations_make_the_tables_that_the_code_expects(ledger: Ledger, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "0013"
    engine.dispose()


def test_a_ledger_of_a_newer_version_is_refused_with_the_remedy(ledger: Ledger, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(LedgerUnavailable, match="newer alertprof"):
        ledger.migrate()


def test_two_replicas_may_start_at_the_same_time(url: str) -> None:
    replicas = [Ledger(url, decide=admission()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Ledger.migrate, replicas))
    for replica in replicas:
        replica.close()


def test_that_it_can_be_written_is_proved_again_and_again_and_by_several(open_ledger: Open) -> None:
    one, other = open_ledger(), open_ledger()
    with ThreadPoolExecutor(4) as pool:
        proofs = [pool.submit(ledger.prove, NOON) for ledger in (one, other) for _ in range(5)]
    assert [proof.result(60) for proof in proofs] == [None] * 10
    assert one.paused() is None

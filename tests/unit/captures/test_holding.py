"""An alert that is held back for a reason that passes: one row, pending, with the reason; taken up when it has passed,
and ended with that reason when the alert is resolved or limits.hold is over. Over the real pipeline, worker and ledger,
with a model of the host.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import Code, Retryable
from app.ledger.ledger import Bounds
from app.model import Capture, State, Step, Target, Trigger
from tests.unit.captures.test_story_machine import COOLDOWN, Replicas, row
from tests.unit.ledger.builders import LEASE, ME, NOON, firing, manual, resolved

HOUR = timedelta(hours=1)
DOWN = Retryable(Code.HOST_UNREACHABLE, "h: no connection")


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    yield made
    made.close()


def deliver(replicas: Replicas, fingerprint: str = "a1", pid: int = 7) -> str:
    """The id of the one new row."""
    said = firing(fingerprint, starts_at=replicas.now, host="h", pid=str(pid), service=f"s{pid}")
    (new,) = replicas.ledger.receive([said]).result(60).created
    return new


def resolve(replicas: Replicas, fingerprint: str = "a1") -> None:
    replicas.ledger.receive([resolved(fingerprint, ends_at=replicas.now)]).result(60)


def held(replicas: Replicas, capture_id: str, code: Code) -> Capture:
    """The row, which is to be held back for this."""
    waiting = row(replicas, capture_id)
    assert (waiting.state, waiting.reason and waiting.reason.code) == (State.PENDING, code), waiting
    return waiting


def ended(replicas: Replicas, capture_id: str) -> tuple[State, Code | None]:
    candidates = row(replicas, capture_id)
    return candidates.state, candidates.reason.code if candidates.reason else None


def cooled(replicas: Replicas) -> str:
    """A row that is held back because another alert's capture of its service has just ended."""
    first = deliver(replicas, "a1")
    replicas.work("one", 30)
    assert ended(replicas, first) == (State.COMPLETED, None)
    second = deliver(replicas, "a2")
    replicas.work("one", 0)
    return second


def test_an_alert_within_the_cooldown_waits_for_its_end_and_is_then_captured(replicas: Replicas) -> None:
    new = cooled(replicas)
    waiting = held(replicas, new, Code.COOLDOWN)
    last = replicas.ledger.last_ended(waiting.process.key if waiting.process else "", "h", "s7", by="alert")
    assert last and last.ended_at and waiting.due_at == last.ended_at + COOLDOWN
    assert waiting.target and (waiting.target.host, waiting.target.service) == ("h", "s7")
    replicas.run_to_the_end()
    assert ended(replicas, new) == (State.COMPLETED, None)
    assert len(replicas.rows()) == 2, "one row an episode"


def test_repeats_fall_on_the_row_that_is_held_back(replicas: Replicas) -> None:
    new = cooled(replicas)
    again = replicas.ledger.receive([firing("a2", host="h", pid="7")]).result(60)
    assert (again.created, again.known) == ((), (new,))


def test_a_capture_by_hand_keeps_no_alert_waiting_and_is_kept_waiting_by_none(replicas: Replicas) -> None:
    asked = Trigger("manual", {"host": "h", "pid": "7", "service": "s7"}, by="ops")
    replicas.ledger.create(manual(900, trigger=asked, rule="manual", duration=timedelta(seconds=5)))
    replicas.work("one", 30)
    assert [each.state for each in replicas.rows()] == [State.COMPLETED]
    new = deliver(replicas)
    replicas.work("one", 30)
    assert ended(replicas, new) == (State.COMPLETED, None)
    replicas.ledger.create(manual(901, trigger=asked, rule="manual", created_at=replicas.now, due_at=replicas.now))
    replicas.run_to_the_end()
    assert {each.state for each in replicas.rows()} == {State.COMPLETED}


def test_what_is_held_back_ends_with_its_reason_as_soon_as_the_alert_is_resolved(replicas: Replicas) -> None:
    new = cooled(replicas)
    resolve(replicas, "a2")
    replicas.work("two", 0)
    assert ended(replicas, new) == (State.SKIPPED, Code.COOLDOWN)
    assert "resolved while it was held back" in row(replicas, new).timeline[-2].message


def test_what_is_held_back_longer_than_limits_hold_ends_with_its_reason(replicas: Replicas) -> None:
    replicas.ledger.pause(NOON, "ops")
    new = deliver(replicas)
    replicas.work("one", 3599)
    held(replicas, new, Code.PAUSED)
    replicas.work("one", 2)
    assert ended(replicas, new) == (State.SKIPPED, Code.PAUSED)
    repeated = replicas.ledger.receive([firing("a1", host="h", pid="7")]).result(60)
    assert repeated.known == (new,), "not held for another hour while nothing has changed"
    replicas.ledger.resume()
    assert len(replicas.ledger.receive([firing("a1", host="h", pid="7")]).result(60).created) == 1, "judged anew"


def test_a_pause_that_is_lifted_wakes_what_it_held_back(replicas: Replicas) -> None:
    replicas.ledger.pause(NOON, "ops")
    new = deliver(replicas)
    assert held(replicas, new, Code.PAUSED), "from the first"
    replicas.work("one", 600)
    assert "paused since" in str(held(replicas, new, Code.PAUSED).reason)
    woken: list[bool] = []
    replicas.ledger.on_due = lambda: woken.append(True)
    replicas.ledger.resume()
    assert woken and row(replicas, new).due_at == replicas.now
    replicas.work("one", 30)
    assert ended(replicas, new) == (State.COMPLETED, None)


def test_a_host_that_is_away_is_tried_less_and_less_often_until_it_is_back(replicas: Replicas) -> None:
    replicas.host.shut = DOWN
    new = deliver(replicas)
    replicas.work("one", 3000)
    waiting = held(replicas, new, Code.HOST_UNREACHABLE)
    assert 10 < waiting.attempt < 45
    assert [entry.message for entry in waiting.timeline[1:]] == ["h: no connection"], "said once, not at every try"
    replicas.host.shut = None
    replicas.work("two", 300)
    assert ended(replicas, new) == (State.COMPLETED, None)


@pytest.mark.parametrize("how", ["resolved", "hold"])
def test_a_host_that_stays_away_is_a_failure_with_that_reason(replicas: Replicas, how: str) -> None:
    replicas.host.shut = DOWN
    new = deliver(replicas)
    replicas.work("one", 400)
    held(replicas, new, Code.HOST_UNREACHABLE)
    if how == "resolved":
        resolve(replicas)
    replicas.work("one", 1 if how == "resolved" else 3300)
    assert ended(replicas, new) == (State.FAILED, Code.HOST_UNREACHABLE)
    assert row(replicas, new).target == Target("h", 7, "s7")


def test_a_person_is_told_within_minutes_that_a_host_is_away(replicas: Replicas) -> None:
    replicas.host.shut = DOWN
    replicas.ledger.create(manual(900, trigger=Trigger("manual", {"host": "h", "pid": "7"}, by="ops"), rule="manual"))
    replicas.work("one", 340)
    assert [each.state for each in replicas.rows()] == [State.FAILED]


def test_what_is_over_the_budget_of_the_hour_waits_until_there_is_some(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path, Bounds(per_hour=1))
    first, second = deliver(replicas, "a1", 7), deliver(replicas, "a2", 8)
    replicas.work("one", 600)
    assert ended(replicas, first) == (State.COMPLETED, None)
    waiting = held(replicas, second, Code.BUDGET)
    begun = row(replicas, first).started_at
    assert begun and waiting.due_at == begun + HOUR
    replicas.work("two", 3100)
    assert ended(replicas, second) == (State.COMPLETED, None)
    replicas.close()


def test_a_capture_that_was_held_back_counts_in_the_hour_in_which_it_began(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path, Bounds(per_hour=1))
    replicas.ledger.pause(NOON, "ops")
    deliver(replicas, "a1", 7)
    replicas.work("one", 3500)
    replicas.ledger.resume()
    replicas.work("one", 200)
    second = deliver(replicas, "a2", 8)
    replicas.work("one", 200)
    held(replicas, second, Code.BUDGET)
    replicas.close()


def test_the_end_of_a_recording_wakes_the_one_that_waits_for_its_place(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path, Bounds(per_host=1))
    deliver(replicas, "a1", 8)  # records for a minute
    replicas.work("one", 1)
    waits = deliver(replicas, "a2", 7)
    replicas.work("one", 55)
    assert "limits.per_host" in str(held(replicas, waits, Code.BUDGET).reason)
    due = row(replicas, waits).due_at
    replicas.ledger.on_due = lambda: None
    while not (
        ends := [each for each in replicas.rows() if each.started_at and each.step not in (Step.WAIT, Step.STOP)]
    ):
        replicas.work("one", 0.5)
    now_due = row(replicas, waits)
    assert ends and due and (now_due.step is not Step.RESOLVE or (now_due.due_at or due) < due)
    replicas.run_to_the_end()
    assert ended(replicas, waits) == (State.COMPLETED, None)
    replicas.close()


def test_an_end_of_the_alert_while_its_row_is_worked_on_is_not_missed(replicas: Replicas) -> None:
    new = deliver(replicas)
    claim = replicas.ledger.claim(replicas.now, ME, LEASE)
    assert claim
    resolve(replicas)
    replicas.ledger.release(claim, replace(claim.capture, due_at=replicas.now + HOUR))
    replicas.work("two", 0)
    assert ended(replicas, new) == (State.SKIPPED, Code.RESOLVED_BEFORE_START)


def test_a_stop_ends_what_is_held_back(replicas: Replicas) -> None:
    new = cooled(replicas)
    assert replicas.ledger.request_stop(new, replicas.now)
    replicas.work("one", 0)
    assert ended(replicas, new) == (State.CANCELED, Code.REQUESTED)


def test_hundreds_that_are_held_back_cost_little(replicas: Replicas) -> None:
    replicas.ledger.pause(NOON, "ops")
    alerts = [firing(f"f{number}", host="h", pid="7") for number in range(200)]
    assert len(replicas.ledger.receive(alerts).result(60).created) == 200
    replicas.work("one", 1)
    claims = 0
    while (due := replicas.ledger.next_due()) and due < NOON + timedelta(minutes=11):
        replicas.pass_time(max(0.0, (due - replicas.now).total_seconds()))
        claim = replicas.take("one")
        assert claim
        replicas.advance("one", claim)
        claims += 1
    assert claims <= 2 * 200

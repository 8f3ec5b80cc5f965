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
from tests.unit.captures.test_story_machine import COOLDOWN, House, row
from tests.unit.ledger.builders import LEASE, ME, NOON, firing, manual, resolved

HOUR = timedelta(hours=1)
DOWN = Retryable(Code.HOST_UNREACHABLE, "h: no connection")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def deliver(house: House, fingerprint: str = "a1", pid: int = 7) -> str:
    """The id of the one new row."""
    said = firing(fingerprint, starts_at=house.now, host="h", pid=str(pid), service=f"s{pid}")
    (new,) = house.ledger.receive([said]).result(30).created
    return new


def resolve(house: House, fingerprint: str = "a1") -> None:
    house.ledger.receive([resolved(fingerprint, ends_at=house.now)]).result(30)


def held(house: House, capture_id: str, code: Code) -> Capture:
    """The row, which is to be held back for this."""
    waiting = row(house, capture_id)
    assert (waiting.state, waiting.reason and waiting.reason.code) == (State.PENDING, code), waiting
    return waiting


def ended(house: House, capture_id: str) -> tuple[State, Code | None]:
    candidates = row(house, capture_id)
    return candidates.state, candidates.reason.code if candidates.reason else None


def cooled(house: House) -> str:
    """A row that is held back because another alert's capture of its service has just ended."""
    first = deliver(house, "a1")
    house.work("one", 30)
    assert ended(house, first) == (State.COMPLETED, None)
    second = deliver(house, "a2")
    house.work("one", 0)
    return second


def test_an_alert_within_the_cooldown_waits_for_its_end_and_is_then_captured(house: House) -> None:
    new = cooled(house)
    waiting = held(house, new, Code.COOLDOWN)
    last = house.ledger.last_ended(waiting.process.key if waiting.process else "", "h", "s7", by="alert")
    assert last and last.ended_at and waiting.due_at == last.ended_at + COOLDOWN
    assert waiting.target and (waiting.target.host, waiting.target.service) == ("h", "s7")
    house.run_to_the_end()
    assert ended(house, new) == (State.COMPLETED, None)
    assert len(house.rows()) == 2, "one row an episode"


def test_repeats_fall_on_the_row_that_is_held_back(house: House) -> None:
    new = cooled(house)
    again = house.ledger.receive([firing("a2", host="h", pid="7")]).result(30)
    assert (again.created, again.known) == ((), (new,))


def test_a_capture_by_hand_keeps_no_alert_waiting_and_is_kept_waiting_by_none(house: House) -> None:
    asked = Trigger("manual", {"host": "h", "pid": "7", "service": "s7"}, by="ops")
    house.ledger.create(manual(900, trigger=asked, rule="manual", duration=timedelta(seconds=5)))
    house.work("one", 30)
    assert [each.state for each in house.rows()] == [State.COMPLETED]
    new = deliver(house)
    house.work("one", 30)
    assert ended(house, new) == (State.COMPLETED, None)
    house.ledger.create(manual(901, trigger=asked, rule="manual", created_at=house.now, due_at=house.now))
    house.run_to_the_end()
    assert {each.state for each in house.rows()} == {State.COMPLETED}


def test_what_is_held_back_ends_with_its_reason_as_soon_as_the_alert_is_resolved(house: House) -> None:
    new = cooled(house)
    resolve(house, "a2")
    house.work("two", 0)
    assert ended(house, new) == (State.SKIPPED, Code.COOLDOWN)
    assert "resolved while it was held back" in row(house, new).timeline[-2].message


def test_what_is_held_back_longer_than_limits_hold_ends_with_its_reason(house: House) -> None:
    house.ledger.pause(NOON, "ops")
    new = deliver(house)
    house.work("one", 3599)
    held(house, new, Code.PAUSED)
    house.work("one", 2)
    assert ended(house, new) == (State.SKIPPED, Code.PAUSED)
    repeated = house.ledger.receive([firing("a1", host="h", pid="7")]).result(30)
    assert repeated.known == (new,), "not held for another hour while nothing has changed"
    house.ledger.resume()
    assert len(house.ledger.receive([firing("a1", host="h", pid="7")]).result(30).created) == 1, "judged anew"


def test_a_pause_that_is_lifted_wakes_what_it_held_back(house: House) -> None:
    house.ledger.pause(NOON, "ops")
    new = deliver(house)
    assert held(house, new, Code.PAUSED), "from the first"
    house.work("one", 600)
    assert "paused since" in str(held(house, new, Code.PAUSED).reason)
    woken: list[bool] = []
    house.ledger.on_due = lambda: woken.append(True)
    house.ledger.resume()
    assert woken and row(house, new).due_at == house.now
    house.work("one", 30)
    assert ended(house, new) == (State.COMPLETED, None)


def test_a_host_that_is_away_is_tried_less_and_less_often_until_it_is_back(house: House) -> None:
    house.host.shut = DOWN
    new = deliver(house)
    house.work("one", 3000)
    waiting = held(house, new, Code.HOST_UNREACHABLE)
    assert 10 < waiting.attempt < 45
    assert [entry.message for entry in waiting.timeline[1:]] == ["h: no connection"], "said once, not at every try"
    house.host.shut = None
    house.work("two", 300)
    assert ended(house, new) == (State.COMPLETED, None)


@pytest.mark.parametrize("how", ["resolved", "hold"])
def test_a_host_that_stays_away_is_a_failure_with_that_reason(house: House, how: str) -> None:
    house.host.shut = DOWN
    new = deliver(house)
    house.work("one", 400)
    held(house, new, Code.HOST_UNREACHABLE)
    if how == "resolved":
        resolve(house)
    house.work("one", 1 if how == "resolved" else 3300)
    assert ended(house, new) == (State.FAILED, Code.HOST_UNREACHABLE)
    assert row(house, new).target == Target("h", 7, "s7")


def test_a_person_is_told_within_minutes_that_a_host_is_away(house: House) -> None:
    house.host.shut = DOWN
    house.ledger.create(manual(900, trigger=Trigger("manual", {"host": "h", "pid": "7"}, by="ops"), rule="manual"))
    house.work("one", 340)
    assert [each.state for each in house.rows()] == [State.FAILED]


def test_what_is_over_the_budget_of_the_hour_waits_until_there_is_some(tmp_path: Path) -> None:
    house = House(tmp_path, Bounds(per_hour=1))
    first, second = deliver(house, "a1", 7), deliver(house, "a2", 8)
    house.work("one", 600)
    assert ended(house, first) == (State.COMPLETED, None)
    waiting = held(house, second, Code.BUDGET)
    begun = row(house, first).started_at
    assert begun and waiting.due_at == begun + HOUR
    house.work("two", 3100)
    assert ended(house, second) == (State.COMPLETED, None)
    house.close()


def test_a_capture_that_was_held_back_counts_in_the_hour_in_which_it_began(tmp_path: Path) -> None:
    house = House(tmp_path, Bounds(per_hour=1))
    house.ledger.pause(NOON, "ops")
    deliver(house, "a1", 7)
    house.work("one", 3500)
    house.ledger.resume()
    house.work("one", 200)
    second = deliver(house, "a2", 8)
    house.work("one", 200)
    held(house, second, Code.BUDGET)
    house.close()


def test_the_end_of_a_recording_wakes_the_one_that_waits_for_its_place(tmp_path: Path) -> None:
    house = House(tmp_path, Bounds(per_host=1))
    deliver(house, "a1", 8)  # records for a minute
    house.work("one", 1)
    waits = deliver(house, "a2", 7)
    house.work("one", 55)
    assert "limits.per_host" in str(held(house, waits, Code.BUDGET).reason)
    due = row(house, waits).due_at
    house.ledger.on_due = lambda: None
    while not (ends := [each for each in house.rows() if each.started_at and each.step not in (Step.WAIT, Step.STOP)]):
        house.work("one", 0.5)
    now_due = row(house, waits)
    assert ends and due and (now_due.step is not Step.RESOLVE or (now_due.due_at or due) < due)
    house.run_to_the_end()
    assert ended(house, waits) == (State.COMPLETED, None)
    house.close()


def test_an_end_of_the_alert_while_its_row_is_worked_on_is_not_missed(house: House) -> None:
    new = deliver(house)
    claim = house.ledger.claim(house.now, ME, LEASE)
    assert claim
    resolve(house)
    house.ledger.release(claim, replace(claim.capture, due_at=house.now + HOUR))
    house.work("two", 0)
    assert ended(house, new) == (State.SKIPPED, Code.RESOLVED_BEFORE_START)


def test_a_stop_ends_what_is_held_back(house: House) -> None:
    new = cooled(house)
    assert house.ledger.request_stop(new, house.now)
    house.work("one", 0)
    assert ended(house, new) == (State.CANCELED, Code.REQUESTED)


def test_hundreds_that_are_held_back_cost_little(house: House) -> None:
    house.ledger.pause(NOON, "ops")
    alerts = [firing(f"f{number}", host="h", pid="7") for number in range(200)]
    assert len(house.ledger.receive(alerts).result(30).created) == 200
    house.work("one", 1)
    claims = 0
    while (due := house.ledger.next_due()) and due < NOON + timedelta(minutes=11):
        house.pass_time(max(0.0, (due - house.now).total_seconds()))
        claim = house.take("one")
        assert claim
        house.advance("one", claim)
        claims += 1
    assert claims <= 2 * 200

"""Alerts about a host that is left alone are held back together: one of them is visited, the others need no visit. Over
the real pipeline, worker and ledger, with a model of the host.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.captures.deciding import deciding
from app.captures.together import leads_to
from app.errors import Code, Retryable
from app.gate.host_session import LeftAlone
from app.intake.relabel import Relabel
from app.intake.rules import DEFAULT
from app.model import State
from app.resolvers.inventory import Inventory
from app.resolvers.labels import Labels
from app.resolvers.name import Name
from app.resolvers.port import Port
from tests.unit.captures.test_story_machine import RULE, Replicas
from tests.unit.ledger.builders import NOON, firing, resolved

AWAY = LeftAlone(Retryable(Code.HOST_UNREACHABLE, "h: 3 logins failed in a row"), "h", 40)
ALERTS = 30


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    made.ledger.decide = deciding([RULE])
    made.host.shut = AWAY
    yield made
    made.close()


def delivered(replicas: Replicas, first: int = 0, host: str = "h") -> None:
    alerts = [firing(f"{n:016x}", host=host, pid="7", service="s") for n in range(first, first + ALERTS)]
    assert len(replicas.ledger.receive(alerts).result(30).created) == ALERTS


def visits(replicas: Replicas, seconds: float) -> int:
    """How many rows are claimed within so many seconds."""
    until, number = replicas.now + timedelta(seconds=seconds), 0
    while (due := replicas.ledger.next_due()) is not None and due <= until:
        replicas.pass_time(max(0.0, (due - replicas.now).total_seconds()))
        if claim := replicas.take("one"):
            number += 1
            replicas.advance("one", claim)
    replicas.pass_time(max(0.0, (until - replicas.now).total_seconds()))
    return number


def test_one_visit_holds_back_every_alert_about_a_host_that_is_left_alone(replicas: Replicas) -> None:
    delivered(replicas)
    assert visits(replicas, 1) == 1
    for row in replicas.rows():
        assert (row.state, row.reason) == (State.PENDING, AWAY.reason)
        assert row.due_at == NOON + timedelta(seconds=40), "as long as it is left alone, and no longer"
        assert [event.message for event in row.timeline][1:] == [str(AWAY)]
    assert visits(replicas, 3000) < 100, "about every 40 seconds for them all"
    assert {row.timeline[-1].message for row in replicas.rows()} == {str(AWAY)}


def test_they_end_with_the_reason_when_their_time_to_be_held_is_over(replicas: Replicas) -> None:
    delivered(replicas)
    visits(replicas, 3700)
    assert {(row.state, row.reason and row.reason.code) for row in replicas.rows()} == {
        (State.FAILED, Code.HOST_UNREACHABLE)
    }


def test_they_are_captured_when_the_host_is_back(replicas: Replicas) -> None:
    delivered(replicas)
    visits(replicas, 300)
    replicas.run_to_the_end()
    states = [row.state for row in replicas.rows()]
    assert State.COMPLETED in states
    assert set(states) <= {State.COMPLETED, State.SKIPPED}, "the others are duplicates, or within the cooldown"


def test_an_alert_that_is_resolved_meanwhile_ends_at_once(replicas: Replicas) -> None:
    delivered(replicas)
    visits(replicas, 1)
    replicas.ledger.receive([resolved(f"{3:016x}", ends_at=replicas.now)]).result(30)
    visits(replicas, 1)
    assert [row.trigger.fingerprint for row in replicas.rows() if row.state.ended] == [f"{3:016x}"]


def test_alerts_about_other_hosts_and_captures_that_wait_for_something_else_are_left_as_they_are(
    replicas: Replicas,
) -> None:
    replicas.ledger.pause(NOON, "ops")
    delivered(replicas)
    visits(replicas, 1)
    replicas.ledger.resume()
    delivered(replicas, first=100)
    delivered(replicas, first=200, host="other")
    rows = {row.id: row for row in replicas.rows()}
    waiting = replicas.ledger.waiting
    lane = waiting.of_lane("h", replicas.now, replicas.now + timedelta(seconds=40))
    assert {row.trigger.fingerprint for row in lane} == {f"{n:016x}" for n in range(100, 100 + ALERTS)}
    claim = replicas.take("two")
    assert claim
    changed = [replace(rows[row.id], attempt=9) for row in lane]
    waiting.hold(changed, replicas.now)
    after = {row.id: row.attempt for row in replicas.rows()}
    assert {id_ for id_, attempt in after.items() if attempt == 9} == {row.id for row in lane} - {claim.capture.id}


def test_only_an_alert_whose_search_reaches_that_host_first_is_held_back_with_it() -> None:
    every = (Labels(), Name(), Port())

    def leads(rule: object = DEFAULT, /, **labels: str) -> bool:
        return leads_to("10.0.0.5", labels, rule, every)  # type: ignore[arg-type]

    assert leads(host="10.0.0.5", pid="7")
    assert leads(instance="10.0.0.5:9100")
    assert not leads(host="10.0.0.6", pid="7")
    assert not leads(host="10.0.0.5"), "no resolver is addressed: its visit says so"
    assert not leads(host="10.0.0.5", pid="seven"), "likewise"
    renamed = replace(DEFAULT, relabel=(Relabel(target_label="host", replacement="10.0.0.6"),))
    assert not leads(renamed, host="10.0.0.5", pid="7")
    elsewhere = replace(DEFAULT, resolvers=(Inventory(files=("/nowhere.json",)), *every))
    assert not leads(elsewhere, host="10.0.0.5", pid="7"), "who asks elsewhere may be led to another host"

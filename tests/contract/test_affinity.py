"""Replicas on one PostgreSQL leave a host's rows to the one that was there lately, for a moment and no longer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.errors import Code, Reason
from app.gate.host_session import IDLE
from app.ledger.affinity import GRACE, KEPT
from app.ledger.claims import NOTHING_CLOSED, Closed
from app.model import Capture, Step
from tests.contract.living import Replica
from tests.unit.ledger.builders import LEASE, NOON, completed, manual, recording

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
SOON = timedelta(milliseconds=200)


def about(host: str, number: int, **fields: object) -> Capture:
    return manual(number, lane=host, **fields)


def takes(one: Replica, now: datetime = NOON, closed: Closed = NOTHING_CLOSED) -> str | None:
    """The id of what it claims, if anything."""
    claim = one.ledger.claim(now, one.owner, LEASE, closed)
    return claim.capture.id if claim else None


def next_due(one: Replica, now: datetime = NOON) -> datetime | None:
    return one.ledger.next_due(NOTHING_CLOSED, one.owner, now)


def goes_to(one: Replica, host: str, number: int) -> None:
    """It has done a capture there."""
    one.ledger.create(about(host, number))
    claim = one.ledger.claim(NOON, one.owner, LEASE)
    assert claim
    assert claim.capture.lane == host
    one.ledger.release(claim, completed(claim.capture))


def test_a_row_is_left_to_the_replica_that_was_at_its_host_for_a_second_and_then_is_anybodys(
    replica: Callable[[], Replica],
) -> None:
    one, other, third = replica(), replica(), replica()
    goes_to(one, "h", 101)
    for each in (about("h", 102), about("cold", 103), about("h", 104)):
        one.ledger.create(each)
    assert takes(other) == manual(103).id, "a host where nobody is waits for nobody"
    assert takes(other) is None
    assert (next_due(one), next_due(other)) == (NOON, NOON + GRACE)
    assert takes(one) == manual(102).id
    assert takes(one, closed=Closed(asking=("h",))) is None, "it is busy there"
    assert takes(other, NOON + GRACE - timedelta(microseconds=1)) is None
    assert takes(other, NOON + GRACE) == manual(104).id
    one.ledger.create(about("h", 105))
    assert takes(third) is None
    assert takes(other) == manual(105).id, "it is there now as well"


def test_what_is_due_later_at_a_host_of_its_own_is_waited_for_to_the_moment(replica: Callable[[], Replica]) -> None:
    one, other = replica(), replica()
    goes_to(one, "h", 101)
    one.ledger.create(about("h", 102, due_at=NOON + 5 * SOON))
    one.ledger.create(about("cold", 103, due_at=NOON + 6 * SOON))
    assert next_due(one) == NOON + 5 * SOON
    at = NOON + 5 * SOON
    assert takes(other, at) is None
    assert next_due(other, at) == NOON + 6 * SOON, "not only once the other one's time is over"
    assert takes(other, NOON + 6 * SOON) == manual(103).id


def test_nothing_is_left_to_a_replica_that_is_dead_or_was_not_there_for_long(replica: Callable[[], Replica]) -> None:
    assert KEPT.total_seconds() <= IDLE, "then its connection is closed"
    one, other = replica(), replica()
    goes_to(one, "h", 101)
    one.ledger.create(about("h", 102, due_at=NOON + KEPT))
    assert takes(other, NOON + KEPT) == manual(102).id
    goes_to(one, "g", 103)
    one.ledger.create(about("g", 104))
    assert takes(other) is None
    one.presence.stop()
    assert takes(other) == manual(104).id


PUT_OFF: dict[str, tuple[Callable[[Capture], Capture], bool]] = {
    "a host that did not answer": (lambda one: replace(one, attempt=1, due_at=NOON + SOON), True),
    "a rule that it does not have": (lambda one: replace(one, due_at=NOON + SOON), True),
    "a limit": (
        lambda one: replace(one, attempt=1, due_at=NOON + SOON, reason=Reason(Code.BUDGET, "full")),
        False,
    ),
    "nothing: it is asked now and then whether it still records": (
        lambda one: recording(one, until=NOON + SOON),
        False,
    ),
}


@pytest.mark.parametrize("why", PUT_OFF)
def test_a_replica_that_does_not_get_on_with_a_row_is_left_nothing_there(
    why: str, replica: Callable[[], Replica]
) -> None:
    one, other = replica(), replica()
    becomes, given_up = PUT_OFF[why]
    one.ledger.create(about("h", 101))
    claim = one.ledger.claim(NOON, one.owner, LEASE)
    assert claim
    one.ledger.release(claim, becomes(claim.capture))
    assert next_due(other, NOON + SOON) == NOON + SOON + (timedelta(0) if given_up else GRACE)
    assert takes(other, NOON + SOON) == (manual(101).id if given_up else None)


def test_a_host_that_a_step_finds_out_is_its_replicas_from_then_on(replica: Callable[[], Replica]) -> None:
    one, other = replica(), replica()
    one.ledger.create(manual(101))
    claim = one.ledger.claim(NOON, one.owner, LEASE)
    assert claim
    one.ledger.save(claim, found := replace(claim.capture, lane="node-1").to(Step.START, due=NOON))
    one.ledger.create(about("node-1", 102))
    assert takes(other) is None
    one.ledger.release(claim, recording(found, until=NOON + SOON))
    assert takes(other, NOON + SOON) is None
    assert takes(one, NOON + SOON) == manual(101).id
    assert takes(one, NOON + SOON) == manual(102).id


def test_what_is_over_is_removed(replica: Callable[[], Replica], url: str) -> None:
    goes_to(replica(), "h", 101)
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    def kept() -> list[str]:
        with engine.connect() as connection:
            return list(connection.execute(sa.text("SELECT lane FROM affinities")).scalars())

    assert kept() == ["h"]
    replica()  # by whose clock noon is long over
    assert kept() == []

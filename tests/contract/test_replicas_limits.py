"""Limits, the pause and the list of blocked executables hold for all replicas of one database together."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from app.captures.holding import is_hot
from app.ledger.ledger import Bounds, Claim, Full, Ledger, ProcessTaken
from app.model import State, Step, Target
from tests.unit.ledger.builders import LEASE, ME, NOON, admission, completed, firing, ids, manual, process, recording

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
MANY = 99
CAPTURES = 12


@pytest.fixture
def replicas(url: str) -> Iterator[list[Ledger]]:
    new_id = ids()
    three = [Ledger(url, decide=admission((), new_id), clock=lambda: NOON) for _ in range(3)]
    three[0].migrate()
    yield three
    for one in three:
        one.close()


@pytest.mark.parametrize("bound", ["per_host", "per_service", "at_once", "per_hour"])
def test_so_many_begin_at_once_as_a_limit_says_however_many_replicas_begin_them(
    replicas: list[Ledger], bound: str
) -> None:
    for ledger in replicas:
        limits = {"per_host": MANY, "per_service": MANY, "at_once": MANY, "per_hour": MANY, bound: 3}
        ledger.bounds = Bounds(limits["per_host"], limits["per_service"], limits["at_once"], limits["per_hour"])
    claims: list[Claim] = []
    for number in range(1, CAPTURES + 1):
        replicas[0].create(manual(number))
        claim = replicas[0].claim(NOON, ME, LEASE)
        assert claim is not None
        claims.append(claim)
    together = Barrier(CAPTURES)

    def begins(number: int) -> bool:
        claim = claims[number]
        host = "h" if bound == "per_host" else f"h{number}"
        service = "s" if bound == "per_service" else f"s{number}"
        target, of = Target(host, number + 1, service), process(number + 1)
        found = replace(claim.capture, target=target, process=of).to(Step.START, due=NOON)
        together.wait(60)
        try:
            replicas[number % 3].save(claim, found)
        except Full:
            return False
        return True

    with ThreadPoolExecutor(CAPTURES) as pool:
        begun = list(pool.map(begins, range(CAPTURES)))
    assert sum(begun) == 3


def test_a_pause_on_one_replica_holds_back_what_another_takes(replicas: list[Ledger]) -> None:
    replicas[0].pause(NOON, "ops")
    (id_,) = replicas[1].receive([firing()]).result(60).created
    capture = replicas[2].get(id_)
    assert capture is not None and capture.reason is not None
    assert (capture.state, capture.reason.code) == (State.PENDING, "paused")
    replicas[1].resume()
    assert replicas[0].paused() is None


def test_the_cooldown_after_a_capture_of_one_replica_holds_on_every_other(replicas: list[Ledger]) -> None:
    replicas[0].create(manual(1))
    claim = replicas[0].claim(NOON, ME, LEASE)
    assert claim is not None
    replicas[0].release(claim, completed(recording(claim.capture), NOON))
    last = replicas[1].last_ended(process().key, "", "")
    assert last is not None and last.ended_at is not None
    assert is_hot(last.ended_at, timedelta(minutes=10), NOON + timedelta(minutes=9))


@pytest.mark.parametrize(("ended", "taken"), [(timedelta(seconds=1), True), (timedelta(seconds=-1), False)])
def test_a_capture_that_ended_while_another_replica_looked_at_its_process_serves_the_second_alert(
    replicas: list[Ledger], ended: timedelta, taken: bool
) -> None:
    claims = []
    for ledger, fingerprint in zip(replicas, ("a", "b"), strict=False):
        ledger.bounds = Bounds()
        ledger.receive([firing(fingerprint)]).result(60)
        claim = ledger.claim(NOON, ME, LEASE)
        assert claim is not None
        claims.append(claim)
    first, second = claims
    looked = (
        replace(second.capture, process=process()).with_event(NOON, "resolved", "here it is").to(Step.START, due=NOON)
    )
    replicas[0].release(first, completed(recording(first.capture), NOON + ended))
    if not taken:
        replicas[1].save(second, looked)
        return
    with pytest.raises(ProcessTaken) as raised:
        replicas[1].save(second, looked)
    assert raised.value.other == first.capture.id

"""Replicas on one PostgreSQL: who lives is known within seconds, and what is due reaches all of them at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

import pytest
import sqlalchemy as sa

from app.ledger import presence
from app.ledger.ledger import FenceLost, Ledger, LedgerUnavailable
from app.ledger.schema import replicas
from tests.contract.living import Replica
from tests.lab.process import LONG, eventually
from tests.unit.ledger.builders import LEASE, NOON, firing, manual

on_postgres = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@contextmanager
def silent(one: Replica) -> Iterator[float]:
    """Its thread that says that it lives is held, as by SIGSTOP, a suspended machine or a cut to the database. Since
    when (monotonic)."""
    beat, go_on, held, since = one.presence._beat, threading.Event(), threading.Event(), list[float]()

    def hold(connection: sa.Connection) -> None:
        since.append(monotonic())
        held.set()
        go_on.wait(60)
        beat(connection)

    one.presence._beat = hold  # type: ignore[method-assign]
    try:
        assert held.wait(60)
        yield since[0]
    finally:
        one.presence._beat = beat  # type: ignore[method-assign]
        go_on.set()


def test_the_others_know_of_a_death_within_five_seconds() -> None:
    assert presence.LEASE + presence.BEAT < 5


@on_postgres
def test_what_a_silent_replica_holds_is_taken_over_and_it_knows(
    replica: Callable[[], Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "AWAIT", 0.0)
    one, other = replica(), replica()
    one.ledger.create(manual(101))
    claim = one.ledger.claim(NOON, one.owner, LEASE)
    assert claim
    assert other.ledger.claim(NOON, other.owner, LEASE) is None
    with silent(one) as began:
        taken = eventually(lambda: other.ledger.claim(NOON, other.owner, LEASE), "it is taken over")
        assert monotonic() - began > 1, "a hiccup is no death"
        assert not one.presence.owner, "it claims nothing any more"
        assert not one.presence.holds(one.owner), "nor does it act"
    eventually(lambda: one.presence.owner, "it goes on")
    assert one.presence.lost(one.owner), "under another name"
    with pytest.raises(FenceLost):
        one.ledger.save(claim, claim.capture)
    other.ledger.release(taken, taken.capture)


@on_postgres
def test_a_replica_that_died_as_the_clock_of_the_server_was_set_back_is_taken_over_all_the_same(
    replica: Callable[[], Replica],
) -> None:
    one, other = replica(), replica()
    one.ledger.create(manual(101))
    assert one.ledger.claim(NOON, one.owner, LEASE)
    with silent(one):
        with one.ledger._database.writing() as connection:
            ahead = sa.update(replicas).where(replicas.c.name == one.owner)
            connection.execute(ahead.values(alive_until=replicas.c.alive_until + 3_600_000_000))
        taken = eventually(lambda: other.ledger.claim(NOON, other.owner, LEASE), "it is taken over")
    assert taken.capture.id == manual(101).id


@on_postgres
def test_a_replica_that_ends_leaves_what_it_holds_at_once_and_one_that_lives_keeps_it(
    replica: Callable[[], Replica],
) -> None:
    one, other, third = replica(), replica(), replica()
    for number, owner in ((101, one), (102, other)):
        one.ledger.create(manual(number))
        assert owner.ledger.claim(NOON, owner.owner, LEASE)
    third.woken.clear()
    one.presence.stop()
    assert third.woken.wait(LONG)
    assert not one.presence.holds(one.owner), "what is still under way there acts no more"
    taken = third.ledger.claim(NOON, third.owner, LEASE)
    assert taken
    assert taken.capture.id == manual(101).id
    assert third.ledger.claim(NOON, third.owner, LEASE) is None


@on_postgres
def test_what_becomes_due_on_one_replica_wakes_the_others_at_once_also_when_the_server_has_cut_all_connections(
    replica: Callable[[], Replica], url: str
) -> None:
    one, other = replica(), replica()

    def wakes(begin: Callable[[], object]) -> None:
        while other.woken.wait(0.2):  # until nothing else goes on
            other.woken.clear()
        begin()
        assert other.woken.wait(LONG), "nothing but a call wakes it: no worker looks by itself here"

    wakes(lambda: one.ledger.create(manual(101)))
    wakes(lambda: one.ledger.request_stop(manual(101).id, NOON))
    cut_all(url)
    eventually(other.woken.is_set, "it looks for what it may have missed")
    eventually(lambda: readable(one.ledger), "a new connection is made")
    wakes(lambda: one.ledger.receive([firing()]).result(60))
    assert not one.presence.lost(one.owner)
    assert not other.presence.lost(other.owner)


def readable(ledger: Ledger) -> bool:
    with suppress(LedgerUnavailable):
        return ledger.get(manual(101).id) is not None
    return False


def cut_all(url: str) -> None:
    """As a restart of the server does."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    mine = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with engine.connect() as connection:
        for pid in connection.execute(sa.text(mine)).scalars().all():
            connection.execute(sa.select(sa.func.pg_terminate_backend(pid)))
    engine.dispose()

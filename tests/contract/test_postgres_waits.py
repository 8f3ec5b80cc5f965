"""PostgreSQL that does not answer, and replicas that are frozen in the middle: nobody waits for them without an end."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.ledger import arrivals
from app.ledger import server as limits
from app.ledger.arrivals import Delivery
from app.ledger.clock import machine
from app.ledger.ledger import Filter, Ledger, LedgerUnavailable
from tests.contract.living import Replica
from tests.contract.test_presence import silent
from tests.lab.process import eventually
from tests.unit.ledger.builders import NOON, admission, firing, ids

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@pytest.fixture
def replicas(url: str) -> Iterator[tuple[Ledger, Ledger]]:
    new_id = ids()
    both = [Ledger(url, decide=admission((), new_id), clock=lambda: NOON) for _ in range(2)]
    for one in both:
        one.migrate()
    yield both[0], both[1]
    for one in both:
        one.close()


def backends(ledger: Ledger) -> list[int]:
    """The server's processes that work for this service."""
    engine = ledger._database.engine
    with engine.connect() as connection:
        mine: list[int] = [connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()]
    return mine


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_connection_that_falls_silent_is_given_up_and_the_next_one_answers(
    replicas: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _ = replicas
    monkeypatch.setattr(limits, "PING", 3.0)
    monkeypatch.setattr(limits, "RESTED", 0.0)
    with stopped(backends(ledger)):
        assert ledger.find(Filter()).captures == (), "another connection is made"


def test_a_server_that_falls_silent_in_a_transaction_is_an_error_and_not_for_ever(
    replicas: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _ = replicas
    with ExitStack() as until_the_end:
        with monkeypatch.context() as hasty, pytest.raises(LedgerUnavailable):
            hasty.setattr(limits, "ANSWER", 3.0)
            with ledger._database.writing() as connection:
                pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
                until_the_end.enter_context(stopped([pid]))
                connection.execute(sa.text("SELECT 1"))
        assert ledger.receive([firing()]).result(60).created, "the next transaction is committed"


def test_a_replica_that_is_frozen_with_an_episode_in_hand_holds_up_no_other_for_long(
    url: str, replicas: tuple[Ledger, Ledger]
) -> None:
    frozen, alive = replicas
    inserted, over = threading.Event(), threading.Event()

    def freeze() -> None:
        with pytest.raises(LedgerUnavailable), frozen._database.writing() as connection:
            arrivals.record(connection, [Delivery([firing()])], frozen.decide, NOON)
            inserted.set()
            over.wait(60)
            connection.execute(sa.text("SELECT 1"))

    thread = threading.Thread(target=freeze)
    thread.start()
    assert inserted.wait(60)
    held, beside = alive.receive([firing()]), [alive.receive([firing(f"b{number}")]) for number in range(3)]
    assert all(each.result(60).created for each in beside)
    assert not held.done(), "what has nothing to do with it is answered meanwhile"
    assert held.result(60).created, "what the frozen one began is rolled back"
    over.set()
    thread.join(60)
    assert not thread.is_alive()


def test_a_server_that_falls_silent_once_it_has_answered_is_not_waited_for_without_an_end(
    replicas: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ROLLBACK after a statement that only read waits for an answer, too."""
    monkeypatch.setattr(limits, "ANSWER", 3.0)
    silent: list[int] = []

    def read() -> None:
        with suppress(LedgerUnavailable), replicas[0]._database.reading() as connection:
            silent.append(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
            os.kill(silent[0], signal.SIGSTOP)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(60)
    os.kill(silent[0], signal.SIGCONT)
    assert not reader.is_alive()


def test_a_replica_whose_clock_is_off_works_by_the_servers(url: str) -> None:
    off = Ledger(url, decide=admission((), ids()))
    off.clock._machine = lambda: machine() + timedelta(minutes=1)
    off.migrate()
    assert abs(off.clock.now() - machine()) < timedelta(seconds=30), "before any claim"
    assert abs(off.clock.ahead() - timedelta(minutes=1)) < timedelta(seconds=30)
    off.clock._since = (NOON, 0.0)
    off.receive([firing()]).result()
    (row,) = off.find(Filter()).captures
    assert off.claim(row.due_at or NOON, "one", timedelta(seconds=5)), "a claim"
    assert abs(off.clock.now() - machine()) < timedelta(seconds=30), "after a claim"
    off.close()


def test_what_was_asked_while_the_server_was_away_is_given_up_as_soon_as_it_answers_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections may be dead, and nobody tells: a worker that waits for one would claim nothing for ANSWER."""
    monkeypatch.setattr(limits, "ANSWER", 3600.0)
    asking: list[int] = []

    def claim() -> None:
        with suppress(LedgerUnavailable), one.ledger._database.writing() as connection:
            asking.append(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
            os.kill(asking[0], signal.SIGSTOP)
            connection.execute(sa.text("SELECT 1"))

    one = Replica(url)
    worker = threading.Thread(target=claim, daemon=True)
    try:
        with silent(one):
            worker.start()
            eventually(lambda: not one.presence.owner, "it knows that it was silent", 60)
            assert worker.is_alive()
        worker.join(60)
        assert not worker.is_alive()
        assert one.ledger.find(Filter()).captures == (), "the next question is answered"
    finally:
        os.kill(asking[0], signal.SIGCONT)
        one.ledger.close()

"""Several replicas take alerts on one PostgreSQL: the same ones at once, and with commits whose answers are lost."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.intake.rules import Rule, parse_matchers
from app.ledger import arrivals, recording
from app.ledger.arrivals import Delivery, Receipt
from app.ledger.database import LedgerUncertain
from app.ledger.ledger import Filter, Ledger
from tests.lab.commit_line import CommitLine, CutAt
from tests.unit.ledger.builders import NOON, admission, firing, ids, resolved

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
ORDERS = (Rule("orders", parse_matchers('job="orders"')),)


@pytest.fixture
def replicas(url: str) -> Iterator[list[Ledger]]:
    new_id = ids()
    three = [Ledger(url, decide=admission(ORDERS, new_id), clock=lambda: NOON) for _ in range(3)]
    three[0].migrate()
    yield three
    for one in three:
        one.close()


@pytest.fixture
def line(url: str) -> Iterator[CommitLine]:
    with TemporaryDirectory(prefix="line-") as folder, CommitLine(url, Path(folder)) as line:
        yield line


@pytest.fixture
def through(replicas: list[Ledger], line: CommitLine) -> Iterator[Ledger]:
    """A replica whose connections go through the line."""
    ledger = Ledger(line.url, decide=replicas[0].decide, clock=lambda: NOON)
    ledger.messages()
    yield ledger
    ledger.close()


def rows(ledger: Ledger) -> Counter[str | None]:
    return Counter(capture.trigger.fingerprint for capture in ledger.find(Filter(limit=500)).captures)


def test_the_same_new_alerts_on_three_replicas_at_once_are_one_row_each_and_no_error(replicas: list[Ledger]) -> None:
    episodes, senders = [f"e{number}" for number in range(30)], 4

    def send(sender: int) -> list[Receipt]:
        """Every sender begins elsewhere, and sends a few alerts a message."""
        ledger, start = replicas[sender % 3], sender * 7
        turned = episodes[start % 30 :] + episodes[: start % 30]
        messages = [[firing(each, job="orders") for each in turned[at : at + 3]] for at in range(0, 30, 3)]
        return [future.result(60) for future in [ledger.receive(message) for message in messages]]

    with ThreadPoolExecutor(3 * senders) as pool:
        receipts = [receipt for each in pool.map(send, range(3 * senders)) for receipt in each]
    created = Counter(id_ for receipt in receipts for id_ in receipt.created)
    known = {id_ for receipt in receipts for id_ in receipt.known}
    assert rows(replicas[0]) == dict.fromkeys(episodes, 1)
    assert sum(created.values()) == len(created) == 30
    assert known <= set(created), "a repeat names the row that is there"


def test_alerts_that_another_replica_began_a_moment_ago_fall_on_its_rows_and_the_others_are_begun(
    replicas: list[Ledger],
) -> None:
    quicker, slower, _ = replicas
    with quicker._database.writing() as connection:
        first = arrivals.record(connection, [Delivery([firing("a", job="orders"), firing("b")])], quicker.decide, NOON)
        future = slower.receive(
            [firing("a", job="orders"), firing("b"), firing("c", job="orders"), firing("a", job="orders"), resolved()]
        )
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not connection.exec_driver_sql(waits).scalar_one():
            pass
    receipt = future.result(60)
    assert set(receipt.known) == set(first.new), "also that of the alert that no rule matches"
    assert rows(slower) == {"a": 1, "b": 1, "c": 1}
    assert (len(receipt.created), receipt.skipped) == (1, ())


def test_the_end_of_an_alert_that_another_replica_began_is_noted_on_its_row(replicas: list[Ledger]) -> None:
    quicker, slower, _ = replicas
    with quicker._database.writing() as connection:
        (id_,) = arrivals.record(connection, [Delivery([firing(job="orders")])], quicker.decide, NOON).new
        future = slower.receive([firing(job="orders"), resolved()])
        while not connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one():
            pass
    assert future.result(60).known == (id_,)
    capture = slower.get(id_)
    assert capture is not None
    assert capture.resolved_at == NOON


@pytest.mark.parametrize("cut", list(CutAt))
def test_a_commit_whose_answer_is_lost_is_looked_up_and_answered_as_what_it_was(
    through: Ledger, line: CommitLine, cut: CutAt
) -> None:
    line.cuts.append(cut)
    receipt = through.receive([firing("a", job="orders"), firing("b")]).result(60)
    assert not line.cuts, "the line was cut"
    assert rows(through) == {"a": 1, "b": 1}
    (capture,) = [each for each in through.find(Filter()).captures if each.trigger.fingerprint == "a"]
    assert (receipt.created, [fingerprint for fingerprint, _ in receipt.skipped]) == ((capture.id,), ["b"])
    assert receipt.known == ()


@pytest.mark.parametrize("cut", list(CutAt))
def test_when_nobody_can_know_whether_it_was_recorded_nobody_says_that_nothing_was(
    through: Ledger, line: CommitLine, replicas: list[Ledger], monkeypatch: pytest.MonkeyPatch, cut: CutAt
) -> None:
    monkeypatch.setattr(recording, "ASKED", 0.3)
    there = int(cut is CutAt.ANSWER)
    line.cuts.append(cut)
    line.closed = True
    with pytest.raises(LedgerUncertain):
        through.receive([firing(job="orders")]).result(60)
    assert sum(rows(replicas[0]).values()) == there
    line.turned_away = False
    assert len(through.receive([firing(job="orders")]).result(60).known) == there, "sent again it is a repeat"
    assert sum(rows(replicas[0]).values()) == 1

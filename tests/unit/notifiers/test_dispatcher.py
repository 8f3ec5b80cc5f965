"""Notices are delivered until they are taken or given up, and a fault costs no capture."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.ledger.ledger import Ledger, LedgerUnavailable
from app.ledger.notices import Notice
from app.ledger.outcomes import Outcome
from app.metrics import Metrics
from app.notifiers import dispatcher as module
from app.notifiers.base import Notification, Notifier, Undelivered
from app.notifiers.dispatcher import LONGEST_WAIT, OLDEST, Dispatcher, pause
from tests.lab.process import eventually
from tests.unit.ledger.builders import LEASE, ME, NOON, completed, manual, sqlite
from tests.unit.notifiers.told import captured, told


@dataclass(frozen=True)
class Fake(Notifier):
    """Raises the faults in their order, then takes what it is told."""

    faults: list[Exception] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    taken: threading.Event = field(default_factory=threading.Event)

    def tell(self, notification: Notification) -> None:
        self.keys.append(notification.key)
        if self.faults:
            raise self.faults.pop(0)
        self.taken.set()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    one = sqlite(tmp_path, clock=now)
    yield one
    one.close()


def now() -> datetime:
    return datetime.now(UTC)


Open = Callable[[Notice], Notification | None] | None
Run = Callable[..., tuple[Dispatcher, Metrics]]


@pytest.fixture
def run(ledger: Ledger) -> Iterator[Run]:
    """A dispatcher that works, told of by every capture that ends."""
    started: list[Dispatcher] = []

    def run_(open_: Open = None, clock: Callable[[], datetime] = now, **notifiers: Notifier) -> Any:
        metrics = Metrics()
        ledger.notices.recipients = lambda capture: tuple(notifiers)
        dispatcher = Dispatcher(
            ledger.notices,
            notifiers,
            open_ or (lambda notice: told(captured(id=notice.capture))),
            metrics,
            now=clock,
            first_wait=0.001,
        )
        dispatcher.start()
        started.append(dispatcher)
        return dispatcher, metrics

    yield run_
    for one in started:
        one.stop()


def end(ledger: Ledger, number: int = 1) -> None:
    ledger.create(manual(number))
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    ledger.release(claim, completed(claim.capture))


def outcomes(metrics: Metrics) -> dict[str, float]:
    samples = next(iter(metrics.notifications.collect())).samples
    return {sample.labels["outcome"]: sample.value for sample in samples if sample.name.endswith("_total")}


def until(condition: Callable[[], object]) -> None:
    eventually(condition, "it comes to that")


def test_what_a_notifier_does_not_take_comes_again_with_the_same_key_until_it_does(ledger: Ledger, run: Run) -> None:
    fake = Fake([Undelivered("refused"), RuntimeError("a fault of ours"), Undelivered("reset")])
    _, metrics = run(chat=fake)
    end(ledger)
    assert fake.taken.wait(60)
    until(lambda: outcomes(metrics) == {"retried": 3, "delivered": 1})
    assert len(fake.keys) == 4 and len(set(fake.keys)) == 1
    assert ledger.notices.counts() == {}


def test_a_delivery_is_made_once_though_the_ledger_does_not_answer_after_it(
    ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, remove, faults = Fake(), ledger.notices.remove, [LedgerUnavailable("the disk is full")]

    def unavailable(notice: Notice, became: Outcome) -> bool:
        if faults:
            raise faults.pop()
        return remove(notice, became)

    monkeypatch.setattr(ledger.notices, "remove", unavailable)
    _, metrics = run(chat=fake)
    end(ledger)
    until(lambda: outcomes(metrics) == {"delivered": 1})
    assert len(fake.keys) == 1 and ledger.notices.counts() == {}


def test_what_can_never_be_taken_is_given_up_at_once(ledger: Ledger, run: Run) -> None:
    fake = Fake([Undelivered("400", final=True)])
    _, metrics = run(chat=fake)
    end(ledger)
    until(lambda: outcomes(metrics) == {"failed": 1})
    assert ledger.notices.counts() == {}


def test_after_enough_attempts_a_notice_is_given_up(ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ATTEMPTS", 3)
    _, metrics = run(chat=Fake([Undelivered("no") for _ in range(9)]))
    end(ledger)
    until(lambda: outcomes(metrics) == {"retried": 2, "failed": 1})


def test_a_notifier_that_hangs_holds_up_no_other_and_no_capture(ledger: Ledger, run: Run) -> None:
    release, quick = threading.Event(), Fake()

    class Hanging(Fake):
        def tell(self, notification: Notification) -> None:
            release.wait(60)

    run(slow=Hanging(), quick=quick)
    try:
        for number in range(1, 8):
            end(ledger, number)
        until(lambda: len(quick.keys) == 7)
    finally:
        release.set()


def test_a_delivery_that_takes_longer_than_its_lease_is_not_made_by_another_replica(
    ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock is put forward only when the lease was renewed since the last time, so that no machine is too slow."""
    monkeypatch.setattr(module, "RENEW_EVERY", 0.01)
    renew, renewed, ahead = ledger.notices.renew, threading.Semaphore(0), [timedelta(0)]

    def clock() -> datetime:
        return now() + ahead[-1]

    def counted(notice: Notice, until: datetime) -> bool:
        done = renew(notice, until)
        renewed.release()
        return done

    class Long(Fake):
        def tell(self, notification: Notification) -> None:
            self.keys.append(notification.key)
            while ahead[-1] < module.LEASE * 1.5:
                ahead.append(ahead[-1] + module.LEASE * 0.3)
                while renewed.acquire(blocking=False):
                    pass
                assert all(renewed.acquire(timeout=60) for _ in range(2))  # the second one began after that
                assert not ledger.notices.claim(clock(), module.LEASE, ("chat",)), "another replica takes it"

    monkeypatch.setattr(ledger.notices, "renew", counted)
    long = Long()
    for _ in range(2):
        run(clock=clock, chat=long)
    end(ledger)
    until(lambda: ledger.notices.counts() == {})
    assert len(long.keys) == 1


def test_the_notice_of_a_removed_capture_is_dropped(ledger: Ledger, run: Run) -> None:
    _, metrics = run(lambda notice: None, chat=Fake())
    end(ledger)
    until(lambda: outcomes(metrics) == {"dropped": 1})


def test_old_notices_of_a_notifier_that_is_gone_are_given_up_and_told_in_the_metrics(ledger: Ledger, run: Run) -> None:
    dispatcher, metrics = run(clock=lambda: now() + OLDEST, chat=Fake())
    dispatcher.notifiers = {}
    end(ledger)
    dispatcher.clear()
    assert ledger.notices.counts() == {}
    assert outcomes(metrics) == {"failed": 1}


def test_each_attempt_waits_longer_up_to_ten_minutes() -> None:
    waits = [pause(attempt, 1.0) for attempt in range(1, 101)]
    assert waits[0] < 1.3 and waits[4] > 10
    assert max(waits) <= LONGEST_WAIT * 1.2 and waits[-1] >= LONGEST_WAIT * 0.8


def test_what_has_not_become_of_a_notice_yet_is_shown_as_0_so_that_the_first_time_is_seen(run: Run) -> None:
    dispatcher, metrics = run(chat=Fake())
    dispatcher.clear()
    assert outcomes(metrics) == dict.fromkeys(("delivered", "retried", "failed", "dropped"), 0.0)

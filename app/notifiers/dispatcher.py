"""Delivers the notices of the ledger, each by its notifier, until it was taken or is given up. Built by main.py.

A few threads of its own do this, so that a receiver that hangs never holds up a capture; and one notifier never keeps
more than one of them. A delivery may be repeated: after a fault, and after a kill before the removal of its row.
"""

import random
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from time import perf_counter
from typing import TypeVar

import structlog

from app.ledger.database import LedgerUnavailable
from app.ledger.notices import Added, Notice, Notices
from app.ledger.outcomes import RETRIED, Outcome
from app.metrics import Metrics
from app.notifiers.base import Notification, Notifier, Undelivered
from app.plugins import kind_of

THREADS = 4
LEASE = timedelta(minutes=1)  # a notice whose holder died is delivered after it
RENEW_EVERY = 15.0  # seconds: a delivery of many large files takes longer than a lease
FIRST_WAIT, LONGEST_WAIT = 1.0, 600.0  # seconds before the second attempt, which double, and the most
MOST_ATTEMPTS = 100
OLDEST = timedelta(hours=24)
LONGEST_NAP = 5.0  # seconds; other replicas add notices without waking this one
REMOVED = "unknown"  # the kind of a notifier that the configuration does not have any more

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Dispatcher:
    """The threads of one replica that deliver.

    notifiers: those of the configuration, by name; they may be set to others at any time. open: what is told of a
    notice; None if its capture was removed. now: the time, aware UTC. first_wait: seconds before the second attempt.
    """

    def __init__(
        self,
        notices: Notices,
        notifiers: Mapping[str, Notifier],
        open_: Callable[[Notice], Notification | None],
        metrics: Metrics,
        *,
        now: Callable[[], datetime],
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self.notifiers = notifiers
        self._notices, self._open, self._metrics, self._now = notices, open_, metrics, now
        self._first_wait = first_wait
        self._held: dict[str, Notice] = {}  # by notifiers
        self._turnstile = threading.Lock()
        self._hurry, self._stopping = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"notifier-{n}", daemon=True) for n in range(THREADS)]
        self._threads.append(threading.Thread(target=self._renew, name="notice-lease", daemon=True))
        notices.on_added = self._added

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Begins no further delivery, and waits at most `timeout` seconds for those under way."""
        self._stopping.set()
        self._hurry.set()
        for thread in self._threads:
            thread.join(timeout / THREADS)

    def clear(self) -> None:
        """Gives up what is too old, as the notices of a notifier that is gone, and shows how many wait."""
        now = self._now()
        for name in self._notices.remove_created_before(now - OLDEST, now):
            log.warning("a notice was given up: it is too old", notifier=name)
            self._count(name, "failed")
        self._metrics.show_notices(
            self._notices.counts(), {name: kind_of(each) for name, each in self.notifiers.items()}
        )

    def _added(self, added: Added) -> None:
        for name in added.dropped:
            log.error("a capture's end is not told: too many notices wait for this notifier", notifier=name)
            self._count(name, "dropped")
        if added.any:
            self._hurry.set()

    # ------------------------------------------------------------------ the turns

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._turnstile:
                    notice = self._next()
                if notice:
                    self._deliver_held(notice)
            except LedgerUnavailable as fault:
                log.error("notices cannot be read or written", fault=str(fault))
                self._stopping.wait(1)
            except Exception:  # one notice must not end the work on all others
                log.exception("a notice could not be worked on")
                self._stopping.wait(1)

    def _next(self) -> Notice | None:
        while not self._stopping.is_set():
            self._hurry.clear()
            now, names, busy = self._now(), tuple(self.notifiers), tuple(self._held)
            if names and (notice := self._due(now, names, busy)):
                self._held[notice.notifier] = notice
                return notice
            due = self._notices.next_due(names, busy) if names else None
            nap = (due - now).total_seconds() if due else LONGEST_NAP
            self._hurry.wait(min(max(nap, 0.02), LONGEST_NAP))
        return None

    def _renew(self) -> None:
        while not self._stopping.wait(RENEW_EVERY):
            for notice in list(self._held.values()):
                with suppress(LedgerUnavailable):
                    self._notices.renew(notice, self._now() + LEASE)

    def _due(self, now: datetime, names: tuple[str, ...], busy: tuple[str, ...]) -> Notice | None:
        """The next notice, claimed. A look costs less than a claim, which writes."""
        due = self._notices.next_due(names, busy)
        return self._notices.claim(now, LEASE, names, busy) if due and due <= now else None

    def _deliver_held(self, notice: Notice) -> None:
        try:
            self._deliver(notice)
        finally:
            self._held.pop(notice.notifier, None)
            self._hurry.set()

    def _deliver(self, notice: Notice) -> None:
        notifier = self.notifiers.get(notice.notifier)
        notification = self._sure(lambda: self._open(notice)) if notifier else None
        if notifier is None or notification is None:
            why = "its capture was removed" if notifier else "its notifier was removed from the configuration"
            self._end(notice, "dropped", why)
            return
        began = perf_counter()
        try:
            notifier.tell(notification)
        except Undelivered as fault:
            self._retry(notice, fault)
        except Exception as fault:  # a notifier's own fault is no reason to lose the others
            log.exception("a notifier broke", notifier=notice.notifier, capture_id=notice.capture)
            self._retry(notice, Undelivered(f"alertprof's own fault: {type(fault).__name__}"))
        else:
            self._metrics.notification_seconds.labels(kind_of(notifier)).observe(perf_counter() - began)
            self._end(notice, "delivered", "")

    def _retry(self, notice: Notice, fault: Undelivered) -> None:
        now, why = self._now(), str(fault)
        if fault.final or notice.attempt >= MOST_ATTEMPTS or now >= notice.created_at + OLDEST:
            self._end(notice, "failed", why)
            return
        wait = max(pause(notice.attempt, self._first_wait), fault.wait or 0.0)
        due = now + timedelta(seconds=wait)
        became = Outcome(RETRIED, now, why)
        self._sure(lambda: self._notices.later(notice, due, became))
        said = {"notifier": notice.notifier, "capture_id": notice.capture, "attempt": notice.attempt}
        log.warning("a notice was not delivered, it is tried again", **said, again_in=round(wait, 1), fault=why)
        self._count(notice.notifier, "retried")

    def _end(self, notice: Notice, outcome: str, why: str) -> None:
        became = Outcome(outcome, self._now(), why)
        if not self._sure(lambda: self._notices.remove(notice, became)):
            log.warning("another replica took a notice over", notifier=notice.notifier, capture_id=notice.capture)
        write = log.info if outcome == "delivered" else log.error
        more = {"fault": why} if why else {}
        write("notice", outcome=outcome, notifier=notice.notifier, capture_id=notice.capture, **more)
        self._count(notice.notifier, outcome)

    def _sure(self, act: Callable[[], T]) -> T:
        """What `act` returns, once the ledger answers: a delivery whose row stayed would be made again. Raises
        LedgerUnavailable when the service ends before."""
        while True:
            try:
                return act()
            except LedgerUnavailable as fault:
                log.error("the ledger does not take what became of a notice, it is tried again", fault=str(fault))
                if self._stopping.wait(0.5):
                    raise

    def _count(self, name: str, outcome: str) -> None:
        notifier = self.notifiers.get(name)
        kind = kind_of(notifier) if notifier else REMOVED
        self._metrics.notifications.labels(name if notifier else REMOVED, kind, outcome).inc()


def pause(attempt: int, first: float) -> float:
    """Seconds before the next attempt: twice as many each time, up to LONGEST_WAIT, spread by a fifth so that notices
    that failed together do not come together again."""
    return min(first * 2.0 ** min(attempt - 1, 20), LONGEST_WAIT) * random.uniform(0.8, 1.2)  # noqa: S311

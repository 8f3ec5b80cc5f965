"""Commits a batch of deliveries, and knows afterwards whether it did.

Where other replicas are in the way the batch is decided again. Where the commit's answer was lost, its rows are looked
for on another connection. If they are not there, the server may still be about to write them: the batch is recorded
once more, and waits for them or falls on them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic, sleep

import structlog

from app.ledger import arrivals, messages, server
from app.ledger.arrivals import Decide, Delivery, Recorded
from app.ledger.batch import Contended
from app.ledger.database import Database, LedgerContended, LedgerUnavailable, LedgerUncertain

ATTEMPTS = 3  # while other replicas are in the way
ANSWER = 8.0  # seconds for a commit, longer than a lock is waited for; and for each alert:
ANSWER_EACH = 0.005
ASKED = 5.0  # seconds in which it is found out what became of a commit
PAUSE = 0.25  # seconds between two questions

log = structlog.get_logger()


def record(
    database: Database,
    deliveries: Sequence[Delivery],
    decide: Callable[[], Decide],
    clock: Callable[[], datetime],
    *,
    hurried: bool,
) -> Recorded:
    """Records these deliveries, all or none. hurried: does not wait for other replicas. Raises LedgerUnavailable: none
    is recorded; LedgerContended: nor is any, because of other replicas; LedgerUncertain: nobody can know."""
    for attempt in range(1, ATTEMPTS + 1):
        work = _Attempt(database, deliveries, decide(), clock, hurried)
        try:
            return work.commit()
        except LedgerUncertain as fault:
            log.warning("a commit was not answered, it is asked what became of it", fault=str(fault))
            return _found_out(work, fault)
        except (Contended, LedgerContended) as fault:
            if hurried or attempt == ATTEMPTS:
                said = f"other replicas keep recording the same alerts ({fault}); send this again"
                raise LedgerContended(said) from fault
    raise AssertionError("the last attempt returns or raises")


def _found_out(work: "_Attempt", fault: LedgerUncertain) -> Recorded:
    """What was recorded after all, or is recorded now."""
    until = monotonic() + ASKED
    while monotonic() < until:
        sleep(PAUSE)
        try:
            return work.commit_again()
        except (Contended, LedgerUnavailable) as again:
            log.warning("it is still unknown what became of a commit", fault=str(again))
    raise fault


class _Attempt:
    """One batch, and what its last commit was to write."""

    def __init__(
        self,
        database: Database,
        deliveries: Sequence[Delivery],
        decide: Decide,
        clock: Callable[[], datetime],
        hurried: bool,
    ) -> None:
        self._database, self._deliveries, self._decide, self._clock = database, deliveries, decide, clock
        self._hurried = hurried and not database.sqlite
        self._unsure: list[Recorded] = []

    def commit(self) -> Recorded:
        """Records the batch."""
        alerts = sum(len(delivery.alerts) for delivery in self._deliveries)
        with self._database.writing(within=ANSWER + ANSWER_EACH * alerts) as connection:
            if self._hurried:
                server.hurry(connection)
            now = self._clock()
            recorded = arrivals.record(connection, self._deliveries, self._decide, now)
            messages.keep(connection, self._deliveries, recorded.receipts, now)
            self._unsure.append(recorded)
        return recorded

    def commit_again(self) -> Recorded:
        """The commit that took place after all; else as `commit`. A batch without new rows may be written twice."""
        with self._database.reading() as connection:
            for recorded in self._unsure:
                if arrivals.are_there(connection, recorded.new):
                    return recorded
        return self.commit()

"""Which captures are kept, and for how long. The choice is a pure function; main.py calls `clear` every few minutes.

The oldest capture is removed first, row and files together. A capture that has not ended, is pinned or is a baseline is
never removed. One whose alert still fires is removed only for its age: without the row the alert would be recorded
again. An error with one capture is logged and the next one is taken: a store that failed once must not stop retention
for ever (cryostatio/cryostat#440, #1132).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.ledger.ledger import Ledger, LedgerUnavailable, Stored
from app.stores import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds; None is no bound. `max_bytes` counts the files of all captures, including pinned ones."""

    max_age: timedelta | None = None
    max_bytes: int | None = None
    max_per_service: int | None = None

    @property
    def keeps_all(self) -> bool:
        return self == Policy()


def expendable(stored: Iterable[Stored], policy: Policy, now: datetime) -> Iterator[Stored]:
    """The captures to remove, oldest first. stored: every capture that has ended, oldest first."""
    rows = list(stored)
    total, of_service = sum(row.size for row in rows), Counter(row.service for row in rows)
    for row in rows:
        too_old = policy.max_age is not None and now - row.ended_at > policy.max_age
        too_much = policy.max_bytes is not None and total > policy.max_bytes and row.size > 0
        bounded = policy.max_per_service is not None and row.service != ""
        too_many = bounded and of_service[row.service] > (policy.max_per_service or 0)
        if not row.pinned and (too_old or (not row.current and (too_much or too_many))):
            total -= row.size
            of_service[row.service] -= 1
            yield row


def clear(ledger: Ledger, store: Store, policy: Policy, now: datetime, removed: Callable[[int], None]) -> None:
    """Removes what the policy does not keep. removed: receives the bytes of each capture. Never raises."""
    if policy.keeps_all:
        return
    try:
        going = list(expendable(ledger.stored(), policy, now))
    except LedgerUnavailable as fault:
        log.error("retention cannot read the ledger", fault=str(fault))
        return
    for row in going:
        try:
            if ledger.delete(row.id, pinned=False):
                store.delete_all(row.id)
                removed(row.size)
        except (LedgerUnavailable, OSError) as fault:
            log.error("retention could not remove a capture", capture_id=row.id, fault=str(fault))

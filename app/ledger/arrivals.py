"""Records a batch of deliveries in one transaction, which the ledger opens.

It reads the current rows of all fingerprints in the batch, and batch.py decides and writes.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.errors import Code
from app.ledger import switches
from app.ledger.batch import THERE, Batch, Decide, Receipt
from app.ledger.rows import moment_or_none
from app.model import Alert, Episode, State

__all__ = ["Decide", "Delivery", "Receipt", "Recorded", "are_there", "current", "record"]

# As the driver takes it, because a list of values is a new statement for SQLAlchemy each time.
_CURRENT = "SELECT episode, id, state, reason_code, ended_at, resolved_at, starts_at FROM captures WHERE episode {}"
_ON_SQLITE, _ON_POSTGRESQL = _CURRENT.format("IN (SELECT value FROM json_each(?))"), _CURRENT.format("= ANY(%s)")


@dataclass(frozen=True, slots=True)
class Delivery:
    """The alerts of one message. body: the message as it came, None if it is not to be kept; left_out: how many more
    alerts it says there are (max_alerts)."""

    alerts: Sequence[Alert]
    body: bytes | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of some deliveries: a receipt for each; whether a capture is due now; the ids of the new rows."""

    receipts: list[Receipt]
    due: bool
    new: tuple[str, ...]


def record(connection: sa.Connection, deliveries: Sequence[Delivery], decide: Decide, now: datetime) -> Recorded:
    """Records these deliveries. Where another replica has just begun an episode, its alert falls on that row. Raises
    Contended."""
    fingerprints = {alert.fingerprint for delivery in deliveries for alert in delivery.alerts}
    batch = Batch(current, current(connection, fingerprints), decide, now, switches.paused(connection))
    taken = [batch.take(delivery.alerts) for delivery in deliveries]
    woken = batch.write(connection)
    receipts = [batch.receipt(verdicts) for verdicts in taken]
    return Recorded(receipts, woken or any(receipt.created for receipt in receipts), tuple(batch.new))


def are_there(connection: sa.Connection, ids: Sequence[str]) -> bool:
    """Whether there are such rows, and all of them. Rows of one transaction are all there, or none."""
    found = connection.execute(THERE, {"ids": list(ids)}).scalars().all()
    return bool(ids) and len(found) == len(ids)


def current(connection: sa.Connection, fingerprints: Collection[str]) -> dict[str, Episode]:
    """The current episode of each of these fingerprints that has one."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(_ON_SQLITE, (json.dumps([*fingerprints]),))
    else:
        rows = connection.exec_driver_sql(_ON_POSTGRESQL, ([*fingerprints],))
    return {
        fingerprint: Episode(
            id_,
            State(state),
            Code(code) if code else None,
            moment_or_none(ended),
            moment_or_none(resolved),
            moment_or_none(started),
        )
        for fingerprint, id_, state, code, ended, resolved, started in rows
    }

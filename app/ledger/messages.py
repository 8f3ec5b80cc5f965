"""The last messages of the webhook, so that a person can ask what became of them.

A message is written in the transaction that decides about its alerts: an insert and a bounded delete. Only the newest
ones are kept. A large one is kept without its body, and one that only repeats is not kept at all, unless it is the
first to say that Alertmanager left alerts out: it may send the alerts it does not leave out in a message before that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from uuid_utils import uuid7

from app.ledger import bulk
from app.ledger.arrivals import Delivery, Receipt
from app.ledger.rows import micro, moment
from app.ledger.schema import messages
from app.model import Alert

KEPT = 50  # messages
LARGEST = 256 << 10  # bytes of a body that is kept
_NAMED = 3  # alerts in `about`
_SHOWN = 80  # characters of a name there


@dataclass(frozen=True, slots=True)
class Message:
    """One message. size: bytes; about: the names of its alerts, shortened; created, known, skipped: what became of its
    alerts; left_out: how many more are not in it; body: as it came, None if it was too large or was not read."""

    id: str
    received_at: datetime
    size: int
    alerts: int
    about: str
    created: int
    known: int
    skipped: int
    left_out: int = 0
    body: str | None = None

    @property
    def kept(self) -> bool:
        """Whether the body is kept."""
        return self.size <= LARGEST


_m = messages.c
_of, _old = messages.alias(), messages.alias()
_OLDEST_KEPT = sa.select(_of.c.id).order_by(_of.c.id.desc()).limit(1).offset(KEPT - 1).scalar_subquery()
# Rows that another replica is removing are left to it.
_OLD = sa.select(_old.c.id).where(_old.c.id < _OLDEST_KEPT).order_by(_old.c.id).with_for_update(skip_locked=True)
_REMOVE = sa.delete(messages).where(_m.id.in_(_OLD))
_BUT_BODY = [column for column in messages.columns if column is not _m.body]
_LAST = sa.select(*_BUT_BODY).order_by(_m.id.desc()).limit(KEPT)
_TOLD = sa.select(_m.id).where(_m.about == sa.bindparam("about"), _m.left_out == sa.bindparam("left_out")).limit(1)
_GET = sa.select(messages).where(_m.id == sa.bindparam("key"))


def keep(connection: sa.Connection, deliveries: Sequence[Delivery], receipts: Sequence[Receipt], now: datetime) -> None:
    """Keeps those messages that have a body and something new. Most messages only repeat, and are not written."""
    came = [
        (delivery, receipt)
        for delivery, receipt in zip(deliveries, receipts, strict=True)
        if delivery.body and not (only_repeats(receipt) and _is_told(connection, delivery))
    ]
    if came:
        rows = [_row(delivery, receipt, now) for delivery, receipt in came[-KEPT:]]
        bulk.insert(connection, messages, [*rows[0]], [tuple(row.values()) for row in rows])
        connection.exec_driver_sql(_removal(connection.dialect))


@lru_cache(maxsize=4)
def _removal(dialect: sa.Dialect) -> str:
    """_REMOVE as the driver takes it, because every new alert is followed by it."""
    return str(_REMOVE.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def only_repeats(receipt: Receipt) -> bool:
    """Whether every firing alert of the message was a repeat."""
    return bool(receipt.known) and not receipt.created and not receipt.skipped


def _is_told(connection: sa.Connection, delivery: Delivery) -> bool:
    """Whether nothing was left out beside these alerts, or one of the kept messages says the same."""
    same = {"about": about(delivery.alerts), "left_out": delivery.left_out}
    return not delivery.left_out or connection.execute(_TOLD, same).first() is not None


def last(connection: sa.Connection) -> tuple[Message, ...]:
    """Newest first, without their bodies."""
    return tuple(_message(row._mapping) for row in connection.execute(_LAST))


def get(connection: sa.Connection, id_: str) -> Message | None:
    """The message with its body."""
    row = connection.execute(_GET, {"key": id_}).one_or_none()
    return None if row is None else _message(row._mapping)


def _message(row: Mapping[Any, Any]) -> Message:
    return Message(**{**row, "received_at": moment(row["received_at"])})


def _row(delivery: Delivery, receipt: Receipt, now: datetime) -> dict[str, Any]:
    body = delivery.body or b""
    return {
        "id": str(uuid7()),
        "received_at": micro(now),
        "size": len(body),
        "alerts": len(delivery.alerts),
        "about": about(delivery.alerts),
        "created": len(receipt.created),
        "known": len(receipt.known),
        "skipped": len(receipt.skipped),
        "left_out": delivery.left_out,
        "body": body.decode("utf-8", "replace") if len(body) <= LARGEST else None,
    }


def about(alerts: Iterable[Alert]) -> str:
    """`HighCPU, HighMemory and 3 more`."""
    names = list(dict.fromkeys(alert.labels.get("alertname") or "an alert without a name" for alert in alerts))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(name[:_SHOWN] for name in names[:_NAMED]) + more

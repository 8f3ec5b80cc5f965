"""What there is, for the page that lists captures: numbers a time and state, and the values that occur.

Both read a bounded number of rows: a range of the index on created_at, and the newest ones by id. reader.py describes
each function.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from app.ledger.listing import Filter, conditions, fits
from app.ledger.rows import labels_of, micro
from app.ledger.schema import captures
from app.model import State
from app.services import service_of

MOST_MATCHED: Final = 5000  # rows whose labels are read
MOST_RECENT: Final = 2000  # rows whose values are told
_c = captures.c
_MICROSECOND = timedelta(microseconds=1)
_UNNAMED = sa.case((sa.func.coalesce(_c.service, "") == "", _c.labels)).label("labels")  # their labels name the service
_RECENT: sa.Select[Any] = (
    sa.select(_c.state, _c.service, _c.host, _c.alertname, _c.rule, _c.reason_code, _UNNAMED)
    .order_by(_c.id.desc())
    .limit(MOST_RECENT)
)


@dataclass(frozen=True, slots=True)
class Values:
    """What a filter may ask of one capture; "" where it has none."""

    state: str
    service: str
    host: str
    alertname: str
    rule: str
    reason: str


def counts_by_time(
    connection: sa.Connection, asked: Filter, start: datetime, step: timedelta, steps: int
) -> dict[tuple[int, State], int]:
    at = (_c.created_at - micro(start)) // (step // _MICROSECOND)
    within = (_c.created_at >= micro(start), _c.created_at < micro(start + steps * step), *conditions(asked))
    if not asked.matchers:
        grouped = sa.select(at, _c.state, sa.func.count()).where(*within).group_by(at, _c.state)
        rows: Iterable[Any] = connection.execute(grouped)
        return {(int(n), State(state)): number for n, state, number in rows}
    labelled = sa.select(at.label("at"), _c.state, _c.labels).where(*within).order_by(_c.id.desc()).limit(MOST_MATCHED)
    return Counter((int(row.at), State(row.state)) for row in connection.execute(labelled) if fits(row, asked.matchers))


def recent(connection: sa.Connection) -> tuple[Values, ...]:
    return tuple(_values(row) for row in connection.execute(_RECENT))


def _values(row: sa.Row[Any]) -> Values:
    service = row.service or (service_of(labels_of(row)) if row.labels else "")
    return Values(row.state, service, row.host or "", row.alertname, row.rule, row.reason_code or "")

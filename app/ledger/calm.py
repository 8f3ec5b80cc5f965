"""Calm captures that a rule's schedule takes: of which services one is due, who takes it, and whether it was calm."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.ledger import queries
from app.ledger.database import Database
from app.ledger.rows import labels_of, micro, to_capture
from app.ledger.schema import calm, captures
from app.model import Capture, State

_c = captures.c
_o = captures.alias().c
_LAST_OF_EACH = (
    sa.select(sa.func.max(_o.id))
    .where(_o.trigger_kind == "alert", _o.rule == sa.bindparam("rule"), _o.state == State.COMPLETED, _o.service != "")
    .group_by(_o.service)
)


def _lately(time: sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    """Clocks of replicas differ a little; what is as far in the future is from before the clock was set, and counts for
    nothing."""
    return (time > sa.bindparam("since")) & (time < sa.bindparam("until"))


def _about(now: datetime, since: datetime) -> dict[str, int]:
    """What _lately takes."""
    return {"since": micro(since), "until": micro(now + (now - since))}


_LATELY = sa.select(calm.c.service).where(_lately(calm.c.taken_at))
_CHOSEN_LATELY = sa.select(_o.baseline).where(_o.baseline.is_not(None), _lately(_o.created_at))
_DUE = (
    sa.select(captures)
    .where(_c.id.in_(_LAST_OF_EACH), _c.service.not_in(_LATELY), _c.service.not_in(_CHOSEN_LATELY))
    .order_by(_c.id)
)
_ALERTS: sa.Select[Any] = sa.select(_c.service, _c.rule, _c.labels).where(
    _c.trigger_kind == "alert",
    (_c.created_at >= sa.bindparam("since"))
    | (_c.resolved_at >= sa.bindparam("since"))
    | (_c.episode.is_not(None) & _c.resolved_at.is_(None)),
)
_AGAIN = (
    sa.update(calm)
    .where(calm.c.service == sa.bindparam("of"), ~_lately(calm.c.taken_at))
    .values(taken_at=sa.bindparam("now"), capture=sa.bindparam("id"))
)
_UNDER_WAY = sa.select(
    sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((_c.ended_at.is_(None), 1), else_=0)), 0)
).where(_lately(_c.created_at), _c.trigger_kind == "manual", _c.rule != "manual")
_UNJUDGED = sa.select(captures).where(_c.id.in_(sa.select(calm.c.capture)), _c.ended_at <= sa.bindparam("before"))
_JUDGED = sa.update(calm).where(calm.c.capture == sa.bindparam("id")).values(capture=None)


class AlertRow(NamedTuple):
    """An alert. service: of its process, "" where that was not found; rule: that answered it, or ""."""

    service: str
    rule: str
    labels: Mapping[str, str]


class CalmCaptures:
    """Every method may be called from any thread, and raises LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, rule: str, since: datetime, now: datetime) -> tuple[Capture, ...]:
        """Of each service that alerts of this rule have captured, the last such capture; without the services of which
        a calm capture was taken, or whose baseline was made, since then."""
        with self._database.reading() as connection:
            rows = connection.execute(_DUE, {"rule": rule, **_about(now, since)})
            return tuple(to_capture(row) for row in rows)

    def alerts(self, since: datetime) -> tuple[AlertRow, ...]:
        """The alerts that fire, or that began or ended since then."""
        with self._database.reading() as connection:
            rows = connection.execute(_ALERTS, {"since": micro(since)}).all()
        return tuple(AlertRow(row.service or "", row.rule, labels_of(row)) for row in rows)

    def number(self, since: datetime, now: datetime) -> tuple[int, int]:
        """How many calm captures were taken since then, and how many of those have not ended."""
        with self._database.reading() as connection:
            taken, active = connection.execute(_UNDER_WAY, _about(now, since)).one()
        return taken, active

    def take(self, capture: Capture, service: str, since: datetime) -> bool:
        """Records a calm capture of the service. False if another replica was quicker, so that one was taken since
        then."""
        row = {"of": service, "now": micro(capture.created_at), "id": capture.id}
        try:
            with self._database.writing() as connection:
                if connection.execute(_AGAIN, {**row, **_about(capture.created_at, since)}).rowcount == 0:
                    first = {"service": service, "taken_at": row["now"], "capture": capture.id}
                    connection.execute(sa.insert(calm), first)
                queries.create(connection, capture)
        except IntegrityError:
            return False
        return True

    def unjudged(self, before: datetime) -> tuple[Capture, ...]:
        """Those that ended before this time and of which nobody knows yet whether they were calm."""
        with self._database.reading() as connection:
            return tuple(to_capture(row) for row in connection.execute(_UNJUDGED, {"before": micro(before)}))

    def judged(self, id_: str) -> None:
        """It is known now."""
        with self._database.writing() as connection:
            connection.execute(_JUDGED, {"id": id_})

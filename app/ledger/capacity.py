"""Is there room for one more recording? Counted in the very transaction that takes the place.

A place is held from the moment a process is chosen until its recording has ended: the steps start, wait and stop.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.ledger.rows import micro
from app.ledger.schema import captures
from app.model import Capture, Step

_c = captures.c
_HOUR = timedelta(hours=1)
_HOLDING = _c.active_process.is_not(None) & _c.step.in_([Step.START, Step.WAIT, Step.STOP])
_LOCK = 0x616C6572  # of PostgreSQL's advisory locks: places are counted by one replica at a time


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many recordings at once, and how many may begin within an hour."""

    per_host: int = 1
    per_service: int = 1
    at_once: int = 64
    per_hour: int = 200


class Full(Exception):
    """No room: `waits` says whether it is worth waiting for (an end of a recording) or not (the hour's budget)."""

    def __init__(self, sentence: str, *, waits: bool) -> None:
        super().__init__(sentence)
        self.waits = waits


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


_PLACES = sa.select(
    _number(_c.host == sa.bindparam("host")),
    _number(_c.service == sa.bindparam("service")),
    sa.func.count(),
).where(_HOLDING, _c.id != sa.bindparam("key"))
_BEGUN = sa.select(sa.func.count()).where(
    _c.created_at >= sa.bindparam("since"), _c.started_at.is_not(None), _c.id != sa.bindparam("key")
)


def take(connection: sa.Connection, capture: Capture, bounds: Bounds, now: datetime) -> None:
    """Raises Full when one more would be too many. Nobody else counts until the transaction is over."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    count(connection, capture, bounds, now)


def count(connection: sa.Connection, capture: Capture, bounds: Bounds, now: datetime) -> None:
    """As take, for whoever only wants to know."""
    begun = connection.execute(_BEGUN, {"since": micro(now - _HOUR), "key": capture.id}).scalar_one()
    if begun >= bounds.per_hour:
        raise Full(f"{begun} captures began within the last hour, limits.per_hour is {bounds.per_hour}", waits=False)
    target = capture.target
    host, service = (target.host, target.service) if target else ("", "")
    asked = {"host": host, "service": service, "key": capture.id}
    on_host, of_service, everywhere = connection.execute(_PLACES, asked).one()
    for held, bound, what in (
        (on_host, bounds.per_host, f"on {host} (limits.per_host"),
        (of_service, bounds.per_service, f"of the service {service} (limits.per_service"),
        (everywhere, bounds.at_once, "in the fleet (limits.at_once"),
    ):
        if held >= bound:
            raise Full(f"{held} recording{'s' if held > 1 else ''} {what} is {bound}); this one waits", waits=True)

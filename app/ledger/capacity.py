"""Do the bounds allow one more recording? Counted in the transaction that takes its place.

A capture holds a place from the choice of its process until the end of its recording: the steps start, wait and stop.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.errors import Code
from app.ledger.rows import micro, moment_or_none
from app.ledger.schema import captures
from app.model import Capture, Step

_c = captures.c
_HOUR = timedelta(hours=1)
PLACED = (Step.START, Step.WAIT, Step.STOP)
_HOLDING = _c.active_process.is_not(None) & _c.step.in_(PLACED)
_LOCK = 0x616C6572  # an advisory lock of PostgreSQL: one replica counts places at a time


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many recordings are allowed at once, and how many may begin within an hour. hold: how long an alert waits for
    a place, or for another reason that passes."""

    per_host: int = 1
    per_service: int = 1
    at_once: int = 64
    per_hour: int = 200
    hold: timedelta = timedelta(hours=1)


class Full(Exception):
    """The bounds allow no further recording.

    waits: whether a person's capture waits (for the end of a recording) or not (the budget of the hour is used up);
    until: when there may be a place, where that is known.
    """

    def __init__(self, sentence: str, *, waits: bool, until: datetime | None = None) -> None:
        super().__init__(sentence)
        self.waits, self.until = waits, until


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


_PLACES = sa.select(
    _number(_c.host == sa.bindparam("host")),
    _number(_c.service == sa.bindparam("service")),
    sa.func.count(),
    _number(_c.started_at.is_(None)),
).where(_HOLDING, _c.id != sa.bindparam("key"))
_LATELY = (
    _c.created_at >= sa.bindparam("made_since"),  # has an index
    _c.started_at > sa.bindparam("since"),
    _c.started_at < sa.bindparam("until"),  # later ones are from before the clock was set
    _c.id != sa.bindparam("key"),
)
_BEGUN = sa.select(sa.func.count()).where(*_LATELY)
_NEXT_TO_LEAVE = sa.select(_c.started_at).where(*_LATELY).order_by(_c.started_at).limit(1).offset(sa.bindparam("over"))
_WOKEN = 4  # rows per ended recording, because not every capture can use the place
_waiting = captures.alias()
_IN_LINE = (
    sa.select(_waiting.c.id)
    .where(
        _waiting.c.due_at > sa.bindparam("now"),
        _waiting.c.step == Step.RESOLVE,
        _waiting.c.reason_code == Code.BUDGET,
    )
    .order_by(
        sa.case(((_waiting.c.host == sa.bindparam("place")) | (_waiting.c.service == sa.bindparam("kin")), 0), else_=1),
        _waiting.c.id,
    )
    .limit(_WOKEN)
    .with_for_update(skip_locked=True)
)
_WAKE = sa.update(captures).where(_c.id.in_(_IN_LINE)).values(due_at=sa.bindparam("now"))


def take(connection: sa.Connection, capture: Capture, bounds: Bounds, now: datetime) -> None:
    """Takes a place. Raises Full. No other replica counts until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    count(connection, capture, bounds, now)


def count(connection: sa.Connection, capture: Capture, bounds: Bounds, now: datetime) -> None:
    """As take, without taking a place. Raises Full."""
    since = now - _HOUR
    lately = {
        "since": micro(since),
        "until": micro(now + _HOUR),
        "made_since": micro(since - bounds.hold - _HOUR),
        "key": capture.id,
    }
    begun = connection.execute(_BEGUN, lately).scalar_one()
    target = capture.target
    host, service = (target.host, target.service) if target else ("", "")
    asked = {"host": host, "service": service, "key": capture.id}
    on_host, of_service, everywhere, beginning = connection.execute(_PLACES, asked).one()
    if (over := begun + beginning - bounds.per_hour) >= 0:
        more = f", {beginning} are about to" if beginning else ""
        said = f"{begun} captures began within the last hour{more}, limits.per_hour is {bounds.per_hour}"
        leaves = moment_or_none(connection.execute(_NEXT_TO_LEAVE, {**lately, "over": over}).scalar())
        raise Full(said, waits=False, until=leaves + _HOUR if leaves else None)
    for held, bound, what in (
        (on_host, bounds.per_host, f"on {host} (limits.per_host"),
        (of_service, bounds.per_service, f"of the service {service} (limits.per_service"),
        (everywhere, bounds.at_once, "in the fleet (limits.at_once"),
    ):
        if held >= bound:
            raise Full(f"{held} recording{'s' if held > 1 else ''} {what} is {bound}); this one waits", waits=True)


def freed(connection: sa.Connection, capture: Capture, now: datetime) -> bool:
    """Makes captures due that wait for a place, the longest waiting first, if `capture` has left its own. Returns
    whether there were any."""
    target = capture.target
    if target is None or capture.process is None or capture.step in PLACED:
        return False
    said = {"now": micro(now), "place": target.host, "kin": target.service}
    return bool(connection.execute(_WAKE, said).rowcount)

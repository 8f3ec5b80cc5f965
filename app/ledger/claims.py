"""Claims: a worker claims a row under a lease with a fence number, and only the holder of the fence can save it.

Leases are measured with the `now` that the caller passes, on PostgreSQL too, as the worker's deadlines are. Replicas
whose clocks differ by less than a lease only take over a little sooner or later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.ledger.rows import micro, moment_or_none, progress, to_capture
from app.ledger.schema import captures
from app.model import Capture, Step

_c = captures.c


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours for the length of a lease. capture: its value when it was claimed."""

    capture: Capture
    owner: str
    fence: int


class FenceLost(Exception):
    """Another worker holds the row, or it is gone. Nothing was saved."""


class ProcessTaken(Exception):
    """Another capture is active on the same process. `other`: its id."""

    def __init__(self, other: str) -> None:
        super().__init__(f"capture {other} is active on this process")
        self.other = other


_DUE_AND_FREE = (
    _c.due_at <= sa.bindparam("now"),
    _c.lease_until.is_(None) | (_c.lease_until <= sa.bindparam("now")),
)
_NEXT = (
    sa.select(_c.id)
    .where(*_DUE_AND_FREE, _c.id.not_in(sa.bindparam("held", expanding=True)))
    .order_by(_c.turn, _c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    sa.update(captures)
    .where(_c.id == _NEXT.scalar_subquery())
    .values(owner=sa.bindparam("who"), lease_until=sa.bindparam("until"), fence=_c.fence + 1)
    .returning(*captures.columns)
)
_HELD = (_c.id == sa.bindparam("key"), _c.owner == sa.bindparam("who"), _c.fence == sa.bindparam("ours"))
_RENEW = sa.update(captures).where(*_HELD).values(lease_until=sa.bindparam("until"))
# A stop that was requested while we worked keeps the row due, whatever we meant to wait for. So does the end of an
# alert that we meant to hold back.
_DUE = sa.case(
    (
        _c.stop_requested_at.is_not(None)
        & (sa.bindparam("stop_seen", type_=sa.Integer) == 0)
        & (sa.bindparam("due", type_=sa.BigInteger) > _c.stop_requested_at),
        _c.stop_requested_at,
    ),
    (
        _c.resolved_at.is_not(None) & (sa.bindparam("end_seen", type_=sa.Integer) == 0),
        _c.created_at,
    ),
    else_=sa.bindparam("due", type_=sa.BigInteger),
)
_SAVE = sa.update(captures).where(*_HELD).values(due_at=_DUE)
_RELEASE = _SAVE.values(owner=sa.null(), lease_until=sa.null())
_ACTIVE = sa.select(_c.id).where(_c.active_process == sa.bindparam("life"))
_AT_WORK = sa.select(_c.host).where(_c.active_process.is_not(None), _c.host.is_not(None)).distinct()
_SOONEST = sa.select(sa.func.min(sa.case((_c.lease_until > _c.due_at, _c.lease_until), else_=_c.due_at))).where(
    _c.due_at.is_not(None)
)
_QUEUE = sa.select(sa.func.count(), sa.func.min(_c.due_at)).where(*_DUE_AND_FREE)
_FREE_ALL = (
    sa.update(captures).where(_c.due_at.is_not(None), _c.owner.is_not(None)).values(owner=None, lease_until=None)
)
_DEADLINES_ANEW = sa.update(captures).where(_c.due_at.is_not(None), _c.give_up_at.is_not(None)).values(give_up_at=None)


def take(
    connection: sa.Connection, now: datetime, owner: str, lease: timedelta, held: Sequence[str] = ()
) -> Claim | None:
    """Claims the most urgent due row that nobody holds: ends of recordings first, then the longest due. None: there is
    none."""
    said = {"now": micro(now), "who": owner, "until": micro(now + lease), "held": list(held)}
    row = connection.execute(_TAKE, said).one_or_none()
    return None if row is None else Claim(to_capture(row), owner, row.fence)


def renew(connection: sa.Connection, claim: Claim, now: datetime, lease: timedelta) -> None:
    """Extends the lease until now + lease. Raises FenceLost."""
    _held(connection.execute(_RENEW, {**_key(claim), "until": micro(now + lease)}), claim)


def save(connection: sa.Connection, claim: Claim, capture: Capture, *, release: bool) -> None:
    """Writes the capture. release: also ends the lease. Raises FenceLost; IntegrityError when another capture is active
    on its process."""
    row = progress(capture)
    seen = {
        "due": row.pop("due_at"),
        "stop_seen": int(claim.capture.stop_requested_at is not None),
        "end_seen": int(claim.capture.resolved_at is not None or capture.step is not Step.RESOLVE),
    }
    _held(connection.execute(_RELEASE if release else _SAVE, {**row, **seen, **_key(claim)}), claim)


def active_on(connection: sa.Connection, process_key: str) -> str | None:
    """The id of the capture that is active on this process; None if there is none."""
    return connection.execute(_ACTIVE, {"life": process_key}).scalar()


def hosts_at_work(connection: sa.Connection) -> frozenset[str]:
    """The hosts of the processes on which a capture is active, as the captures name them."""
    return frozenset(connection.execute(_AT_WORK).scalars())


def soonest(connection: sa.Connection) -> datetime | None:
    """When the next row can be claimed: it is due and its lease is over. None: there is none."""
    return moment_or_none(connection.execute(_SOONEST).scalar())


def queue(connection: sa.Connection, now: datetime) -> tuple[int, datetime | None]:
    """The number of rows that can be claimed now, and when the first of them was due."""
    length, oldest = connection.execute(_QUEUE, {"now": micro(now)}).one()
    return length, moment_or_none(oldest)


def free_all(connection: sa.Connection) -> None:
    """Ends all leases; for a caller that knows that their holders are dead. Deadlines for unreachable hosts begin anew,
    because nobody has tried to reach them meanwhile."""
    connection.execute(_FREE_ALL)
    connection.execute(_DEADLINES_ANEW)


def _key(claim: Claim) -> dict[str, object]:
    return {"key": claim.capture.id, "who": claim.owner, "ours": claim.fence}


def _held(result: sa.CursorResult[tuple[object, ...]], claim: Claim) -> None:
    if result.rowcount != 1:
        raise FenceLost(f"capture {claim.capture.id} is no longer {claim.owner}'s (fence {claim.fence})")

"""Who works on what: a row is claimed under a lease with a fence number, and saved only by whoever holds the fence.

Leases are in the time of the `now` that is handed in, on PostgreSQL too: the worker's deadlines are in that time, and
replicas whose clocks are apart by less than a lease do no more than take over a little sooner or later.
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
    """A row that is ours for the length of a lease; capture is its value as it was claimed."""

    capture: Capture
    owner: str
    fence: int


class FenceLost(Exception):
    """Someone else holds this row now, or it is gone: what was to be saved is not."""


class ProcessTaken(Exception):
    """Another capture is active on the same process. `other`: its id."""

    def __init__(self, other: str) -> None:
        super().__init__(f"capture {other} is active on this process")
        self.other = other


_NEXT = (
    sa.select(_c.id)
    .where(
        _c.due_at <= sa.bindparam("now"),
        _c.lease_until.is_(None) | (_c.lease_until <= sa.bindparam("now")),
        _c.id.not_in(sa.bindparam("held", expanding=True)),
    )
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
# A stop that was asked for while we worked must be seen: the row stays due since then, whatever we meant to wait for.
# So must the end of an alert that we meant to hold back.
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
_SOONEST = sa.select(sa.func.min(sa.case((_c.lease_until > _c.due_at, _c.lease_until), else_=_c.due_at))).where(
    _c.due_at.is_not(None)
)
_FREE_ALL = (
    sa.update(captures).where(_c.due_at.is_not(None), _c.owner.is_not(None)).values(owner=None, lease_until=None)
)
_DEADLINES_ANEW = sa.update(captures).where(_c.due_at.is_not(None), _c.give_up_at.is_not(None)).values(give_up_at=None)


def take(
    connection: sa.Connection, now: datetime, owner: str, lease: timedelta, held: Sequence[str] = ()
) -> Claim | None:
    """The most urgent row that is due and nobody's: ends of recordings first, then what is due longest."""
    said = {"now": micro(now), "who": owner, "until": micro(now + lease), "held": list(held)}
    row = connection.execute(_TAKE, said).one_or_none()
    return None if row is None else Claim(to_capture(row), owner, row.fence)


def renew(connection: sa.Connection, claim: Claim, now: datetime, lease: timedelta) -> None:
    _held(connection.execute(_RENEW, {**_key(claim), "until": micro(now + lease)}), claim)


def save(connection: sa.Connection, claim: Claim, capture: Capture, *, release: bool) -> None:
    """Raises FenceLost; IntegrityError when another capture is active on its process."""
    row = progress(capture)
    seen = {
        "due": row.pop("due_at"),
        "stop_seen": int(claim.capture.stop_requested_at is not None),
        "end_seen": int(claim.capture.resolved_at is not None or capture.step is not Step.RESOLVE),
    }
    _held(connection.execute(_RELEASE if release else _SAVE, {**row, **seen, **_key(claim)}), claim)


def active_on(connection: sa.Connection, process_key: str) -> str | None:
    """The id of the capture that is active on this process."""
    return connection.execute(_ACTIVE, {"life": process_key}).scalar()


def soonest(connection: sa.Connection) -> datetime | None:
    """When the next row can be claimed: it is due and its lease is over."""
    return moment_or_none(connection.execute(_SOONEST).scalar())


def free_all(connection: sa.Connection) -> None:
    """Ends all leases, for whoever knows that all their holders are dead. Nobody has waited for hosts meanwhile, so
    patience begins anew."""
    connection.execute(_FREE_ALL)
    connection.execute(_DEADLINES_ANEW)


def _key(claim: Claim) -> dict[str, object]:
    return {"key": claim.capture.id, "who": claim.owner, "ours": claim.fence}


def _held(result: sa.CursorResult[tuple[object, ...]], claim: Claim) -> None:
    if result.rowcount != 1:
        raise FenceLost(f"capture {claim.capture.id} is no longer {claim.owner}'s (fence {claim.fence})")

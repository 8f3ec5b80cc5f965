"""Claims: a worker claims a row under a lease with a fence number, and only the holder of the fence can save it.

Leases are measured with the `now` that the caller passes, as the worker's deadlines are: the ledger's time, which is
the same for all replicas (clock.py). They are long: that a replica has died is seen within seconds by presence.py,
which ends its leases.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa

from app.ledger import affinity
from app.ledger.rows import EPOCH, TURNS, micro, moment_or_none, progress, to_capture
from app.ledger.schema import captures
from app.model import Capture, Step

_c = captures.c


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours for the length of a lease. capture: its value when it was claimed."""

    capture: Capture
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Closed:
    """What is not claimed now.

    asking: lanes (hosts) of which no recording is started or ended; only: the lanes to which that is confined, None: it
    is not
    files: lanes of which no files are brought home or cleaned up; no_files: there is no such lane now
    held: the ids of captures"""

    asking: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    no_files: bool = False
    held: tuple[str, ...] = ()


NOTHING_CLOSED = Closed()


class FenceLost(Exception):
    """Another worker holds the row, or it is gone. Nothing was saved."""


class ProcessTaken(Exception):
    """Another capture is active on the same process. `other`: its id."""

    def __init__(self, other: str) -> None:
        super().__init__(f"capture {other} is active on this process")
        self.other = other


Answered = Callable[[datetime], None]
_SERVER_TIME = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)).label("server_time")
_LATER = 10_000_000  # microseconds that a turn waits for the turns before it, so that none of them waits for ever
_DUE_AND_FREE = (
    _c.due_at <= sa.bindparam("now"),
    _c.lease_until.is_(None) | (_c.lease_until <= sa.bindparam("now")),
)
_HELD = (_c.id == sa.bindparam("key"), _c.owner == sa.bindparam("who"), _c.fence == sa.bindparam("ours"))
_RENEW = (
    sa.update(captures)
    .where(
        _c.id.in_(sa.bindparam("ids", expanding=True)),  # SQLite finds no rows by several columns at once
        sa.tuple_(_c.id, _c.owner, _c.fence).in_(sa.bindparam("held", expanding=True)),
    )
    .values(lease_until=sa.bindparam("until"))
)
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
_LEASED = sa.select(sa.func.min(sa.case((_c.lease_until > _c.due_at, _c.lease_until), else_=_c.due_at))).where(
    _c.due_at.is_not(None), _c.lease_until.is_not(None)
)
_QUEUE = sa.select(sa.func.count(), sa.func.min(_c.due_at)).where(*_DUE_AND_FREE)
_FREE_ALL = (
    sa.update(captures).where(_c.due_at.is_not(None), _c.owner.is_not(None)).values(owner=None, lease_until=None)
)
_DEADLINES_ANEW = sa.update(captures).where(_c.due_at.is_not(None), _c.give_up_at.is_not(None)).values(give_up_at=None)


def take(
    connection: sa.Connection,
    now: datetime,
    owner: str,
    lease: timedelta,
    closed: Closed = NOTHING_CLOSED,
    *,
    answered: Answered = lambda at: None,
) -> Claim | None:
    """Claims the most urgent due row that nobody holds and whose lane is open. None: there is none.

    answered: takes the time of a server that has one, if a row was claimed

    Ends of recordings go first, then starts, files, cleaning; among equals what has been due longest, then the alert
    that fired first. What has been due for _LATER longer goes before the next turn all the same. What is left to
    another replica (affinity.py) counts as not due yet."""
    said = {"now": micro(now), "who": owner, "until": micro(now + lease), "held": list(closed.held), **_lanes(closed)}
    if shared := affinity.is_shared(connection):
        said |= affinity.said(owner, now)
    row = connection.execute(_take(closed.only is not None, closed.no_files, shared), said).one_or_none()
    if row is not None and shared:
        answered(row.server_time)
    return None if row is None else Claim(to_capture(row), owner, row.fence)


@cache
def _take(confined: bool, no_files: bool, shared: bool) -> sa.Executable:
    """The statement that claims a row. Each turn is one look into the index captures_due."""
    ours = (affinity.FREE,) if shared else ()
    due = (*_DUE_AND_FREE, _c.id.not_in(sa.bindparam("held", expanding=True)), *ours)
    firsts = [
        each.where(*due).with_only_columns(_c.id).order_by(_c.starts_at).with_for_update(skip_locked=True)
        for each in _first_of_turns(confined, no_files)
    ]
    next_one = (
        sa.select(_c.id)
        .where(_c.id.in_([first.scalar_subquery() for first in firsts]))
        .order_by(sa.case((_c.turn == 0, 0), else_=1), _c.due_at + _c.turn * sa.literal(_LATER, sa.BigInteger))
        .limit(1)
    )
    taking = (
        sa.update(captures)
        .where(_c.id == next_one.scalar_subquery())
        .values(owner=sa.bindparam("who"), lease_until=sa.bindparam("until"), fence=_c.fence + 1)
    )
    if not shared:
        return taking.returning(*captures.columns)
    taken = taking.returning(*captures.columns, _SERVER_TIME).cte("taken")
    return sa.select(taken).add_cte(affinity.noting(taken.c.lane).cte("noted"))


def _first_of_turns(confined: bool, no_files: bool) -> Iterator[sa.Select[tuple[int]]]:
    """For each turn when its first row whose lane is open is due."""
    for turn in sorted(set(TURNS.values())):
        files = turn >= TURNS[Step.COLLECT]
        if files and no_files:
            continue
        open_ = [_c.lane.not_in(sa.bindparam("files" if files else "asking", expanding=True))]
        if confined and not files:
            open_.append(_c.lane.in_(sa.bindparam("only", expanding=True)))
        first = sa.select(_c.due_at).where(_c.turn == sa.literal_column(str(turn)), _c.due_at.is_not(None), *open_)
        yield first.order_by(_c.due_at).limit(1)


def _lanes(closed: Closed) -> dict[str, list[str]]:
    only = {} if closed.only is None else {"only": list(closed.only)}
    files = {} if closed.no_files else {"files": list(closed.files)}
    return {"asking": list(closed.asking), **files, **only}


def renew(connection: sa.Connection, held: Sequence[Claim], now: datetime, lease: timedelta) -> None:
    """Extends those of these claims that still hold until now + lease."""
    keys = [(claim.capture.id, claim.owner, claim.fence) for claim in held]
    connection.execute(_RENEW, {"ids": [key[0] for key in keys], "held": keys, "until": micro(now + lease)})


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


def soonest(
    connection: sa.Connection,
    closed: Closed = NOTHING_CLOSED,
    who: str = "",
    now: datetime = EPOCH,
    *,
    answered: Answered = lambda at: None,
) -> datetime | None:
    """When the next row can be claimed: it is due, its lease is over, and its lane is open now. None: there is none.

    who: the replica that asks at `now`, to which a row is due later that is left to another one; "": any of them
    answered: takes the time of a server that has one"""
    free = [
        first.where(_c.lease_until.is_(None)) for first in _first_of_turns(closed.only is not None, closed.no_files)
    ]
    shared = affinity.is_shared(connection)
    each = affinity.in_time(free) if shared and who else [first.scalar_subquery() for first in free]
    asked = sa.select(*each, _LEASED.scalar_subquery(), *((_SERVER_TIME,) if shared else ()))
    times = list(connection.execute(asked, {**_lanes(closed), **affinity.said(who, now)}).one())
    if shared:
        answered(times.pop())
    return moment_or_none(min((time for time in times if time is not None), default=None))


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

"""Which of several replicas goes to a host: the one that was there lately, since its connection is still open.

A claim notes that its replica goes to the row's lane, and so does a step that finds its host. A row of a lane to which
only others go, of those that live, is left to them until it has been due for GRACE; then it is anybody's. So an owner
that is frozen, full or busy loses it. A replica that does not get on with a row gives its lane up. SQLite has no
others, and nothing of this.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.errors import Code
from app.ledger.rows import micro
from app.ledger.schema import affinities, captures, replicas
from app.model import Capture, Step

GRACE = timedelta(seconds=1)
KEPT = timedelta(minutes=10)  # after the last claim; the pool closes an idle connection after as long
RENEWED = timedelta(minutes=1)  # claims within it are noted once
NOT_THE_HOST = frozenset({Code.PAUSED, Code.COOLDOWN, Code.BUDGET})  # why a row is put off that its host did not delay

_c, _a, _r = captures.c, affinities.c, replicas.c
_WHO, _NOW = sa.bindparam("who", type_=sa.Text), sa.bindparam("now", type_=sa.BigInteger)
_AMONG = (  # null where nobody goes there
    sa.select(sa.func.bool_or(_a.replica == _WHO))
    .select_from(affinities.join(replicas, _r.name == _a.replica))
    .where(_a.lane == _c.lane, _a.until > _NOW)
    .correlate(captures)
    .scalar_subquery()
)
OURS = sa.func.coalesce(_AMONG, sa.true())
"""Whether a row of `captures` is not left to others, however long it has been due."""
FREE = sa.or_(_c.due_at <= sa.bindparam("grace_over", type_=sa.BigInteger), OURS)
"""Whether it is not left to others now."""
_LEFT_FOR = sa.bindparam("left_for", type_=sa.BigInteger)
_GIVE_UP = sa.delete(affinities).where(_a.lane == sa.bindparam("to"), _a.replica == _WHO)


def said(who: str, now: datetime) -> dict[str, str | int]:
    """What the statements here take. who: the replica."""
    times = {"now": now, "grace_over": now - GRACE, "kept_until": now + KEPT, "noted_until": now + KEPT - RENEWED}
    left_for = GRACE // timedelta(microseconds=1)
    return {"who": who, "left_for": left_for, **{name: micro(at) for name, at in times.items()}}


def noting(lane: sa.ColumnElement[str]) -> sa.Insert:
    """The statement by which a replica notes that it goes to a lane; "" is none."""
    noted = sa.exists().where(
        _a.lane == lane, _a.replica == _WHO, _a.until > sa.bindparam("noted_until", type_=sa.BigInteger)
    )
    new = sa.select(lane, _WHO, sa.bindparam("kept_until", type_=sa.BigInteger)).where(lane != "", ~noted)
    put = insert(affinities).from_select(["lane", "replica", "until"], new)
    return put.on_conflict_do_update(index_elements=[_a.lane, _a.replica], set_={"until": put.excluded.until})


def in_time(firsts: Sequence[sa.Select[tuple[int]]]) -> list[sa.ColumnElement[int]]:
    """When the first of some rows can be claimed by `who`: of those that are not left to others, and of all the others.

    firsts: selects when the first row is due"""
    ours = [first.where(sa.or_(_c.due_at > _NOW, OURS)).scalar_subquery() for first in firsts]
    return [*ours, *(first.scalar_subquery() + _LEFT_FOR for first in firsts)]


_NOTE = noting(sa.bindparam("to", type_=sa.Text))


def is_shared(connection: sa.Connection) -> bool:
    """Whether the database may have other replicas, and has a clock of its own."""
    return connection.dialect.name == "postgresql"


def follow(connection: sa.Connection, before: Capture, after: Capture, who: str, now: datetime) -> None:
    """Notes what a step of this replica means for the lanes. before: as it was claimed."""
    if not is_shared(connection):
        return
    if after.lane != before.lane:
        connection.execute(_NOTE, said(who, now) | {"to": after.lane})
    if _put_off(before, after):
        connection.execute(_GIVE_UP, {"who": who, "to": after.lane})


def _put_off(before: Capture, after: Capture) -> bool:
    """Whether the step has to be taken again, which another replica may be able to do."""
    if after.step is not before.step or after.due_at is None or before.due_at is None:
        return False
    if after.reason and after.reason.code in NOT_THE_HOST:
        return False
    later = after.due_at > before.due_at and after.step is not Step.WAIT
    return later or after.attempt > before.attempt

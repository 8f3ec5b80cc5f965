"""The captures of one lane that wait for nothing but their host: read and held back together, many in a transaction."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app.errors import Code
from app.ledger.database import Database
from app.ledger.rows import TURNS, micro, progress, to_capture
from app.ledger.schema import captures, replicas
from app.model import Capture, Step

MOST = 500  # captures at once

_c = captures.c
_FREE = (
    _c.turn == sa.literal_column(str(TURNS[Step.RESOLVE])),
    _c.step == Step.RESOLVE,
    _c.lease_until.is_(None) | (_c.lease_until <= sa.bindparam("now")),
    _c.resolved_at.is_(None),
    _c.stop_requested_at.is_(None),
)
_WAITING = (
    sa.select(captures)
    .where(
        *_FREE,
        _c.due_at.is_not(None),
        _c.due_at < sa.bindparam("until"),
        _c.lane == sa.bindparam("lane"),
        _c.trigger_kind == "alert",
        _c.reason_code.is_(None) | (_c.reason_code == Code.HOST_UNREACHABLE),
    )
    .order_by(_c.due_at)
    .limit(MOST)
)
_COLUMNS = ("due_at", "give_up_at", "attempt", "reason_code", "reason_message", "timeline")
_HOLD = (
    sa.update(captures)
    .where(_c.id == sa.bindparam("key"), _c.fence == sa.bindparam("ours"), *_FREE)
    .values({name: sa.bindparam(name) for name in _COLUMNS})
)
_REPLICAS = sa.select(sa.func.count()).select_from(replicas)


class Waiting:
    """The rows. Every method may be called from any thread, and raises LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_lane(self, lane: str, now: datetime, until: datetime) -> tuple[Capture, ...]:
        """Alerts' captures that nobody works on, whose process is still to be looked for in this lane, and that are due
        before `until`: at most MOST. None of them while there are other replicas: these may reach the host."""
        with self._database.reading() as connection:
            if not self._database.sqlite and connection.execute(_REPLICAS).scalar_one() > 1:
                return ()
            said = {"lane": lane, "now": micro(now), "until": micro(until)}
            return tuple(to_capture(row) for row in connection.execute(_WAITING, said))

    def hold(self, held: Sequence[Capture], now: datetime) -> None:
        """Writes when these are due again, why they wait, and their timelines. One that has changed since it was read
        is left as it is."""
        rows = []
        for capture in sorted(held, key=lambda each: each.id):  # as the intake does, so that none waits for the other
            row = progress(capture)
            rows.append({name: row[name] for name in _COLUMNS})
            rows[-1] |= {"key": capture.id, "ours": capture.fence, "now": micro(now)}
        if rows:
            with self._database.writing() as connection:
                connection.execute(_HOLD, rows)

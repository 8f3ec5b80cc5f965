"""Reading captures, and the single-row writes of the API. ledger.py and reader.py describe each function."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa

from app.ledger import labels, outcomes
from app.ledger.rows import micro, moment, new_row, size_of, target_of, to_capture
from app.ledger.schema import captures
from app.model import Capture, State

_c = captures.c
_MOST_OF_AN_ALERT = 500
_MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Stored:
    """An ended capture as retention sees it. pinned: or a baseline; size: bytes of all its files."""

    id: str
    ended_at: datetime
    service: str
    pinned: bool
    size: int
    current: bool = False  # its alert still fires, and would count as new without this row


_GET = sa.select(captures).where(_c.id == sa.bindparam("key"))
_OF_FINGERPRINT = (
    sa.select(captures).where(_c.fingerprint == sa.bindparam("key")).order_by(_c.id.desc()).limit(_MOST_OF_AN_ALERT)
)
_LAST_ENDED = (
    sa.select(captures)
    .where(
        sa.bindparam("by", type_=sa.Text).is_(None) | (_c.trigger_kind == sa.bindparam("by", type_=sa.Text)),
        (_c.life == sa.bindparam("key"))
        | ((_c.service == sa.bindparam("service")) & (_c.host == sa.bindparam("host")) & (_c.service != "")),
        _c.started_at.is_not(None),
        _c.ended_at.is_not(None),
    )
    .order_by(_c.started_at.desc())
    .limit(1)
)
_NAMED = (  # the newest captures of alerts on a host, or of a process
    sa.select(_c.service, _c.target)
    .where(
        _c.trigger_kind == "alert",
        _c.service != "",
        (_c.host == sa.bindparam("host")) | (_c.life == sa.bindparam("key")),
    )
    .order_by(_c.id.desc())
    .limit(_MOST_NAMED)
)
_COUNTS = sa.select(_c.state, sa.func.count()).group_by(_c.state)
_INSERT = sa.insert(captures)
_STOP = (
    sa.update(captures)
    .where(_c.id == sa.bindparam("key"), _c.due_at.is_not(None))
    .values(
        stop_requested_at=sa.func.coalesce(_c.stop_requested_at, sa.bindparam("now")),
        due_at=sa.case((_c.due_at < sa.bindparam("now"), _c.due_at), else_=sa.bindparam("now")),
    )
)
_PIN = sa.update(captures).where(_c.id == sa.bindparam("key")).values(pinned=sa.bindparam("to"))
_CURRENT = (_c.episode.is_not(None) & _c.resolved_at.is_(None)).label("current")
_KEPT = _c.pinned | _c.baseline.is_not(None)
_STORED = (
    sa.select(_c.id, _c.ended_at, _c.service, _KEPT.label("kept"), _c.artifacts, _CURRENT)
    .where(_c.ended_at.is_not(None))
    .order_by(_c.ended_at, _c.id)
)
_DELETE = (
    sa.delete(captures)
    .where(_c.id == sa.bindparam("key"), _c.ended_at.is_not(None), ~_KEPT | sa.bindparam("too", type_=sa.Boolean))
    .returning(*captures.columns)
)


def get(connection: sa.Connection, id_: str) -> Capture | None:
    return _one(connection.execute(_GET, {"key": id_}))


def last_ended(connection: sa.Connection, process_key: str, host: str, service: str, by: str | None) -> Capture | None:
    return _one(connection.execute(_LAST_ENDED, {"key": process_key, "host": host, "service": service, "by": by}))


def service_named(connection: sa.Connection, host: str, process_key: str, exe: str) -> str:
    for row in connection.execute(_NAMED, {"host": host, "key": process_key}):
        target = target_of(row.target)
        if target and target.exe == exe and row.service != PurePosixPath(exe).name:
            return str(row.service)
    return ""


def of_fingerprint(connection: sa.Connection, fingerprint: str) -> tuple[Capture, ...]:
    return tuple(to_capture(row) for row in connection.execute(_OF_FINGERPRINT, {"key": fingerprint}))


def counts(connection: sa.Connection) -> dict[State, int]:
    found = {State(state): number for state, number in connection.execute(_COUNTS)}
    return {state: found.get(state, 0) for state in State}


def create(connection: sa.Connection, capture: Capture) -> None:
    """Also its entries in the index of labels."""
    connection.execute(_INSERT, new_row(capture))
    labels.add(connection, [capture])


def request_stop(connection: sa.Connection, id_: str, now: datetime) -> bool:
    return connection.execute(_STOP, {"key": id_, "now": micro(now)}).rowcount == 1


def pin(connection: sa.Connection, id_: str, to: bool) -> bool:
    return connection.execute(_PIN, {"key": id_, "to": to}).rowcount == 1


def stored(connection: sa.Connection) -> tuple[Stored, ...]:
    return tuple(
        Stored(
            row.id, moment(row.ended_at), row.service or "", bool(row.kept), size_of(row.artifacts), bool(row.current)
        )
        for row in connection.execute(_STORED)
    )


def delete(connection: sa.Connection, id_: str, *, pinned: bool) -> Capture | None:
    """pinned: also a pinned one, and a baseline."""
    gone = _one(connection.execute(_DELETE, {"key": id_, "too": pinned}))
    if gone is not None:
        labels.remove(connection, gone)
        outcomes.remove(connection, gone.id)
    return gone


def _one(result: sa.CursorResult[Any]) -> Capture | None:
    row = result.one_or_none()
    return None if row is None else to_capture(row)

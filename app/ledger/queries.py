"""Reading captures, and the single-row writes of the API. ledger.py and reader.py describe each function."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa

from app.ledger import outcomes
from app.ledger.rows import labels_of, micro, moment, new_row, size_of, target_of, to_capture
from app.ledger.schema import captures
from app.model import Capture, State

_c = captures.c
_PAGE = 200  # rows in memory at once while labels are matched
_MOST_OF_AN_ALERT = 500
_MOST_NAMED = 50


class Predicate(Protocol):
    """A filter on labels, as intake.matchers.Matcher is."""

    def matches(self, labels: Mapping[str, str], /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Filter:
    """Which captures; None means any. created_at is from since (included) to until (excluded). All matchers have to
    match the alert's labels. id: how it begins; cursor: the `next` of the page before."""

    id: str | None = None
    state: State | None = None
    host: str | None = None
    service: str | None = None
    alertname: str | None = None
    fingerprint: str | None = None
    profiler: str | None = None
    rule: str | None = None
    reason: str | None = None  # its code
    since: datetime | None = None
    until: datetime | None = None
    matchers: tuple[Predicate, ...] = ()
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Captures, newest first. next: the cursor of the following page; None on the last one."""

    captures: tuple[Capture, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """An ended capture as retention sees it. pinned: or a baseline; size: bytes of all its files."""

    id: str
    ended_at: datetime
    service: str
    pinned: bool
    size: int
    current: bool = False  # its alert still fires, and would count as new without this row


_EQUAL = {name: name for name in ("state", "host", "service", "alertname", "fingerprint", "profiler", "rule")}
_EQUAL["reason"] = "reason_code"
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
    connection.execute(_INSERT, new_row(capture))


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
        outcomes.remove(connection, gone.id)
    return gone


def find(connection: sa.Connection, asked: Filter) -> Page:
    """Raises ValueError with a sentence for an invalid cursor."""
    rows = list(islice(_matching(connection, asked), asked.limit + 1))
    shown = rows[: asked.limit]
    return Page(tuple(to_capture(row) for row in shown), shown[-1].id if len(rows) > len(shown) else None)


def _matching(connection: sa.Connection, asked: Filter) -> Iterator[sa.Row[Any]]:
    """Reads page by page, so that a matcher that matches nothing costs time but no memory."""
    before = _cursor(asked.cursor)
    size = max(_PAGE, asked.limit + 1) if asked.matchers else asked.limit + 1
    while True:
        rows = connection.execute(_select(asked, before).limit(size)).all()
        yield from (row for row in rows if fits(row, asked.matchers))
        if len(rows) < size:
            return
        before = rows[-1].id


def _select(asked: Filter, before: str | None) -> sa.Select[Any]:
    query = sa.select(captures).where(*conditions(asked)).order_by(_c.id.desc())
    if asked.id is not None:
        query = query.where(_c.id >= asked.id, _c.id < f"{asked.id}~")  # an index serves this, and not LIKE
    if asked.since is not None:
        query = query.where(_c.created_at >= micro(asked.since))
    if asked.until is not None:
        query = query.where(_c.created_at < micro(asked.until))
    return query if before is None else query.where(_c.id < before)


def conditions(asked: Filter) -> list[sa.ColumnElement[bool]]:
    """What the columns have to be, without times and labels."""
    wanted = {column: getattr(asked, name) for name, column in _EQUAL.items()}
    return [_c[column] == str(value) for column, value in wanted.items() if value is not None]


def fits(row: Any, matchers: tuple[Predicate, ...]) -> bool:
    """Whether the labels of a row fulfil all of them."""
    return not matchers or all(matcher.matches(labels) for labels in (labels_of(row),) for matcher in matchers)


def _cursor(text: str | None) -> str | None:
    try:
        return None if text is None else str(UUID(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no cursor; use the `next` of the page before") from error


def _one(result: sa.CursorResult[Any]) -> Capture | None:
    row = result.one_or_none()
    return None if row is None else to_capture(row)

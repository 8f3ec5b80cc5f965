"""Which captures a filter takes, newest first, page by page. reader.py describes `find`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.ledger import lookup
from app.ledger.lookup import Listing, Predicate
from app.ledger.rows import labels_of, micro, to_capture
from app.ledger.schema import captures
from app.model import Capture, State

_c = captures.c
_PAGE = 200  # rows in memory at once while labels are matched
_MOST_IDS = 1000


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


_EQUAL = {name: name for name in ("state", "host", "alertname", "fingerprint", "profiler", "rule")}
_EQUAL["reason"] = "reason_code"


def find(connection: sa.Connection, asked: Filter) -> Page:
    """Raises ValueError with a sentence for an invalid cursor."""
    before = _cursor(asked.cursor)
    rows = list(islice(_matching(connection, asked, before), asked.limit + 1))
    shown = rows[: asked.limit]
    return Page(tuple(to_capture(row) for row in shown), shown[-1].id if len(rows) > len(shown) else None)


def _matching(connection: sa.Connection, asked: Filter, before: str | None) -> Iterator[sa.Row[Any]]:
    equal = _equal(asked)
    listings, unlisted = _listings(connection, asked)
    leading = lookup.leader(connection, listings, alone=not equal)
    wanted, size = [*equal, *_bounds(asked)], asked.limit + 1
    if leading is not None:
        ids = lookup.within(leading, [one for one in listings if one is not leading])
        rows = _listed(connection, ids, wanted, before, size)
    else:
        probed = lookup.probed(listings, _c.id)
        by_labels = unlisted or len(probed) < len(listings)
        rows = _in_order(connection, [*wanted, *probed], before, max(size, _PAGE) if by_labels else size)
    yield from (row for row in rows if fits(row, asked.matchers))


def _listings(connection: sa.Connection, asked: Filter) -> tuple[list[Listing], bool]:
    """Where the index has the captures; and whether it cannot say so for one of the matchers."""
    of_matchers = [lookup.of_matcher(connection, matcher) for matcher in asked.matchers]
    found = [one for one in of_matchers if one is not None]
    services = [] if asked.service is None else [lookup.of_service(asked.service)]
    return [*services, *found], len(found) < len(of_matchers)


def _in_order(
    connection: sa.Connection, wanted: Sequence[sa.ColumnElement[bool]], before: str | None, size: int
) -> Iterator[sa.Row[Any]]:
    """Reads page by page, so that a matcher that matches nothing costs time but no memory."""
    query = sa.select(captures).where(*wanted).order_by(_c.id.desc()).limit(size)
    while True:
        rows = connection.execute(query if before is None else query.where(_c.id < before)).all()
        yield from rows
        if len(rows) < size:
            return
        before = rows[-1].id


def _listed(
    connection: sa.Connection,
    ids: sa.Select[Any],
    wanted: Sequence[sa.ColumnElement[bool]],
    before: str | None,
    size: int,
) -> Iterator[sa.Row[Any]]:
    """The rows of these ids. Each query takes more of them than the one before."""
    (capture,) = ids.selected_columns
    query = sa.select(captures).where(*wanted).order_by(_c.id.desc())
    while True:
        some = ids.limit(size)
        found = connection.execute(some if before is None else some.where(capture < before)).scalars().all()
        if found:
            yield from connection.execute(query.where(_c.id.in_(found)))
        if len(found) < size:
            return
        before, size = found[-1], min(2 * size, _MOST_IDS)


def _equal(asked: Filter) -> list[sa.ColumnElement[bool]]:
    wanted = {column: getattr(asked, name) for name, column in _EQUAL.items()}
    return [_c[column] == str(value) for column, value in wanted.items() if value is not None]


def conditions(asked: Filter) -> list[sa.ColumnElement[bool]]:
    """What a row has to be, without times and labels."""
    return [*_equal(asked), *([] if asked.service is None else [lookup.of_service(asked.service).has(_c.id)])]


def _bounds(asked: Filter) -> Iterator[sa.ColumnElement[bool]]:
    if asked.id is not None:
        yield _c.id >= asked.id  # an index serves this, and not LIKE
        yield _c.id < f"{asked.id}~"
    if asked.since is not None:
        yield _c.created_at >= micro(asked.since)
    if asked.until is not None:
        yield _c.created_at < micro(asked.until)


def fits(row: Any, matchers: tuple[Predicate, ...]) -> bool:
    """Whether the labels of a row fulfil all of them."""
    return not matchers or all(matcher.matches(labels) for labels in (labels_of(row),) for matcher in matchers)


def _cursor(text: str | None) -> str | None:
    try:
        return None if text is None else str(UUID(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no cursor; use the `next` of the page before") from error

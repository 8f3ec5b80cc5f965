"""Where in the index of labels the captures lie that may fulfil a filter.

A matcher is answered by those values of its label that fulfil it and, where a missing label does too, by those lists of
names without it. The listing with the fewest captures leads, and the others are checked by the way. What is read
through the index is compared with the capture's own labels again: entries are cut, and so say only "may".
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from app.ledger.labels import LONGEST, LONGEST_LIST, NAMES
from app.ledger.schema import captures, label_pairs, service_names

SPARSE = 10_000  # captures of a listing that are sorted in a moment
MOST_VALUES = 5_000  # of a listing; a matcher that more values fulfil is answered by reading rows
_PROBED = 10  # values that are sought for every row
_CHUNK = 2_000  # values read at once
_p, _s = label_pairs.c, service_names.c
_UNKNOWN = "\ufffd"  # stands for what a database's text cannot hold
_STEP = sa.text("""
WITH RECURSIVE found(value) AS (
  SELECT min(value) FROM label_pairs WHERE name = :name AND value > :after
  UNION ALL
  SELECT (SELECT min(value) FROM label_pairs WHERE name = :name AND value > found.value)
  FROM found WHERE found.value IS NOT NULL)
SELECT value FROM found WHERE value IS NOT NULL LIMIT :most
""")
_EMPTY = sa.select(_p.value).where(_p.name == sa.bindparam("name"), _p.value == "").limit(1)


class Predicate(Protocol):
    """A filter on labels, as intake.matchers.Matcher is: a missing label has the value ""."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...  # = != =~ !~
    @property
    def value(self) -> str: ...
    def matches(self, labels: Mapping[str, str], /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """Captures that may fulfil one filter. ids: of all of them; has: whether a row is one of them; entries: how many
    lists have to be merged."""

    ids: sa.Select[Any] | sa.CompoundSelect[Any]
    has: sa.ColumnElement[bool]
    entries: int

    def number(self, connection: sa.Connection) -> int:
        """How many captures it has; SPARSE + 1 if more than SPARSE."""
        some = self.ids.limit(SPARSE + 1).subquery()
        return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def of_service(name: str) -> Listing:
    """The captures of a service, by any of its names."""
    here = _s.service == name[:LONGEST]
    return Listing(sa.select(_s.capture).where(here), _among(sa.select(_s.capture).where(here), _s.capture), 1)


def of_matcher(connection: sa.Connection, matcher: Predicate) -> Listing | None:
    """The captures whose labels may fulfil the matcher; None if too many values do."""
    values = _first(_values(connection, matcher))
    lists = _first(_lists(connection, matcher)) if matcher.matches({}) else []
    if values is None or lists is None:
        return None
    name = matcher.name[:LONGEST]
    ids = [_entries(label, some) for label, some in ((name, values), (NAMES, lists)) if some]
    if not ids:
        return Listing(sa.select(_p.capture).where(sa.false()), sa.false(), 0)
    has = sa.or_(*(_among(one, _p.capture) for one in ids))
    return Listing(ids[0] if len(ids) == 1 else sa.union_all(*ids), has, len(values) + len(lists))


def leader(connection: sa.Connection, listings: list[Listing], *, alone: bool) -> Listing | None:
    """The listing to read rows by; None: the table's own indexes are as good. alone: nothing else is asked."""
    if not listings:
        return None
    number, least = min(
        ((one.number(connection), one) for one in listings), key=lambda each: (each[0], each[1].entries)
    )
    return least if number <= SPARSE or (alone and least.entries == 1) else None


def probed(listings: list[Listing]) -> list[sa.ColumnElement[bool]]:
    """What the database checks row by row."""
    return [one.has for one in listings if one.entries <= _PROBED]


def _among(ids: sa.Select[Any], capture: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return ids.where(capture == captures.c.id).correlate(captures).exists()


def _entries(name: str, values: list[str]) -> sa.Select[Any]:
    return sa.select(_p.capture).where(_p.name == name, _p.value.in_(values))


def _first(values: Iterator[str]) -> list[str] | None:
    """All of them; None if there are more than MOST_VALUES."""
    found: list[str] = []
    for value in values:
        if len(found) == MOST_VALUES:
            return None
        found.append(value)
    return found


def _values(connection: sa.Connection, matcher: Predicate) -> Iterator[str]:
    """The values of its label that may fulfil the matcher."""
    if matcher.op == "=":
        yield matcher.value[:LONGEST]
        return
    for value in _every(connection, matcher.name[:LONGEST]):
        if len(value) == LONGEST or _UNKNOWN in value or matcher.matches({matcher.name: value}):
            yield value


def _lists(connection: sa.Connection, matcher: Predicate) -> Iterator[str]:
    """The lists of names that may lack its label."""
    for value in _every(connection, NAMES):
        if len(value) == LONGEST_LIST or matcher.name not in json.loads(value):
            yield value


def _every(connection: sa.Connection, name: str) -> Iterator[str]:
    """Every value that a label has, in their order: one step of the index a value, however many captures have it."""
    if connection.execute(_EMPTY, {"name": name}).first():
        yield ""
    after = ""
    while True:
        found = connection.execute(_STEP, {"name": name, "after": after, "most": _CHUNK}).scalars().all()
        yield from found
        if len(found) < _CHUNK:
            return
        after = found[-1]

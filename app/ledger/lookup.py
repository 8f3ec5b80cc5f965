"""Where in the index of labels the captures lie that may fulfil a filter.

A matcher is answered by those values of its label that fulfil it and, where a missing label does too, by those lists of
names without it. The listing with the fewest captures leads, and the others are checked by the way. What is read
through the index is compared with the capture's own labels again: entries are cut, and so say only "may".
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from app.ledger.labels import LONGEST, LONGEST_LIST, NAMES
from app.ledger.schema import label_pairs, service_names

SPARSE = 10_000  # captures of a listing that are sorted in a moment
COUNTED = 100_000  # captures of a listing that are counted, to read the smaller of two
MOST_VALUES = 5_000  # of a listing; a matcher that more values fulfil is answered by reading rows
MOST_OTHERS = 500  # likewise of != and !~, which most rows fulfil where a label has many values
_PROBED = 10  # values that are sought for every row
_CHUNK = 2_000  # values read at once
_p, _s = label_pairs.c, service_names.c
_LITERAL = re.compile(r"(?:[\w/:-]|\\\.)*(?![?*{])(?<!\\)", re.ASCII)
_UNKNOWN = "\ufffd"  # stands for what a database's text cannot hold
_STEP = sa.text("""
WITH RECURSIVE found(value) AS (
  SELECT min(value) FROM label_pairs WHERE name = :name AND value > :after AND value < :end
  UNION ALL
  SELECT (SELECT min(value) FROM label_pairs WHERE name = :name AND value > found.value AND value < :end)
  FROM found WHERE found.value IS NOT NULL)
SELECT value FROM found WHERE value IS NOT NULL LIMIT :most
""")
_IS_THERE = sa.select(_p.value).where(_p.name == sa.bindparam("name"), _p.value == sa.bindparam("value")).limit(1)
_END = chr(sys.maxunicode) * (LONGEST + 1)  # comes after every value


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
    """Captures that may fulfil one filter. parts: their ids; entries: how many lists of ids have to be merged."""

    parts: tuple[sa.Select[Any], ...]
    entries: int

    @property
    def ids(self) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        """The ids of all of them."""
        return self.parts[0] if len(self.parts) == 1 else sa.union_all(*self.parts)

    def has(self, id_: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether the capture of this id is one of them."""
        some = ((part, part.where(part.selected_columns[0] == id_)) for part in self.parts)
        return sa.or_(*(same.correlate_except(*part.get_final_froms()).exists() for part, same in some))

    def number(self, connection: sa.Connection, most: int) -> int:
        """How many captures it has; `most` + 1 if more than `most`."""
        some = self.ids.limit(most + 1).subquery()
        return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def of_service(name: str) -> Listing:
    """The captures of a service, by any of its names."""
    return Listing((sa.select(_s.capture).where(_s.service == name[:LONGEST]),), 1)


def of_matcher(connection: sa.Connection, matcher: Predicate) -> Listing | None:
    """The captures whose labels may fulfil the matcher; None if too many values do."""
    most = MOST_OTHERS if matcher.op.startswith("!") else MOST_VALUES
    values = _first(_values(connection, matcher), most)
    lists = _first(_lists(connection, matcher), most) if matcher.matches({}) else []
    if values is None or lists is None:
        return None
    name = matcher.name[:LONGEST]
    parts = tuple(_entries(label, some) for label, some in ((name, values), (NAMES, lists)) if some)
    return Listing(parts or (sa.select(_p.capture).where(sa.false()),), len(values) + len(lists))


def leader(connection: sa.Connection, listings: list[Listing], *, alone: bool) -> Listing | None:
    """The listing to read rows by; None: the table's own indexes are as good. alone: nothing else is asked."""
    if not listings:
        return None
    number, least = _least(connection, listings, SPARSE)
    if number <= SPARSE:
        return least
    in_order = [one for one in listings if one.entries == 1] if alone else []
    return _least(connection, in_order, COUNTED)[1] if len(in_order) > 1 else next(iter(in_order), None)


def _least(connection: sa.Connection, listings: list[Listing], most: int) -> tuple[int, Listing]:
    """The listing with the fewest captures, and how many. most: are counted."""
    counted = ((one.number(connection, most), one) for one in listings)
    return min(counted, key=lambda each: (each[0], each[1].entries))


def within(leading: Listing, others: list[Listing]) -> sa.Select[Any]:
    """The ids of the first that are in the others too, the newest first."""
    capture = leading.ids.subquery().c.capture
    return sa.select(capture).where(*probed(others, capture)).order_by(capture.desc())


def probed(listings: list[Listing], id_: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    """What the database checks for each id. A listing of many entries is left to the comparison of the labels."""
    return [one.has(id_) for one in listings if one.entries <= _PROBED]


def _entries(name: str, values: list[str]) -> sa.Select[Any]:
    return sa.select(_p.capture).where(_p.name == name, _p.value.in_(values))


def _first(values: Iterator[str], most: int) -> list[str] | None:
    """All of them; None if there are more than `most`."""
    found: list[str] = []
    for value in values:
        if len(found) == most:
            return None
        found.append(value)
    return found


def _values(connection: sa.Connection, matcher: Predicate) -> Iterator[str]:
    """The values of its label that may fulfil the matcher."""
    if matcher.op == "=":
        yield matcher.value[:LONGEST]
        return
    beginning = _literal(matcher.value) if matcher.op == "=~" else ""
    for value in _every(connection, matcher.name[:LONGEST], beginning):
        if len(value) == LONGEST or _UNKNOWN in value or matcher.matches({matcher.name: value}):
            yield value


def _lists(connection: sa.Connection, matcher: Predicate) -> Iterator[str]:
    """The lists of names that may lack its label."""
    for value in _every(connection, NAMES):
        if len(value) == LONGEST_LIST or matcher.name not in json.loads(value):
            yield value


def _literal(pattern: str) -> str:
    """The characters with which the entry of every text begins that the pattern matches, as far as they are seen at a
    glance."""
    if "|" in pattern or "(?" in pattern:
        return ""
    found = _LITERAL.match(pattern)
    return "" if found is None else found[0].replace("\\", "")[:LONGEST]


def _every(connection: sa.Connection, name: str, beginning: str = "") -> Iterator[str]:
    """Every value of a label that begins so, in their order: one step of the index a value, however many captures have
    it."""
    if connection.execute(_IS_THERE, {"name": name, "value": beginning}).first():
        yield beginning
    after = beginning
    while True:
        said = {"name": name, "after": after, "end": beginning + _END, "most": _CHUNK}
        found = connection.execute(_STEP, said).scalars().all()
        yield from found
        if len(found) < _CHUNK:
            return
        after = found[-1]

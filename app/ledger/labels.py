"""The index of labels and of services' names: which captures have this label with this value, or this service.

Written in the transaction that writes the capture, removed with its row. lookup.py reads it. An entry is shorter than
what it stands for may be, so whoever finds a capture by it compares the capture's own labels as well.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import sqlalchemy as sa

from app.ledger import bulk
from app.ledger.database import writable
from app.ledger.rows import target_of
from app.ledger.schema import captures, label_pairs, service_names
from app.model import Capture
from app.services import names_of

LONGEST = 200  # characters of a name or a value; PostgreSQL takes no entry of more than 2704 bytes
LONGEST_LIST = 2000  # likewise of a list of names, which is ASCII
NAMES = ""  # of no label's entry: its value lists the names of all labels, for who seeks those without one

_INSERT_NAME = sa.text("INSERT INTO service_names (service, capture) VALUES (:service, :id) ON CONFLICT DO NOTHING")
_p, _s = label_pairs.c, service_names.c
_TARGET = sa.select(captures.c.target).where(captures.c.id == sa.bindparam("id"))
_DELETE_PAIR = sa.delete(label_pairs).where(
    _p.name == sa.bindparam("label"), _p.value == sa.bindparam("of"), _p.capture == sa.bindparam("id")
)
_DELETE_NAME = sa.delete(service_names).where(_s.service == sa.bindparam("name"), _s.capture == sa.bindparam("id"))


def pairs(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The entries of these labels: names and values."""
    yield NAMES, _list(tuple(labels))
    yield from {(writable(name[:LONGEST]), writable(value[:LONGEST])) for name, value in labels.items() if name}


@lru_cache(maxsize=1024)  # most alerts have the same names
def _list(names: tuple[str, ...]) -> str:
    return json.dumps(sorted(names))[:LONGEST_LIST]


def add(connection: sa.Connection, new: Sequence[Capture]) -> None:
    """Writes the entries of new captures. They are written in their order, which is the cheapest for the index."""
    entries = sorted([(name, value, one.id) for one in new for name, value in pairs(one.trigger.labels)])
    bulk.insert(connection, label_pairs, ("name", "value", "capture"), entries)
    names = sorted([(name[:LONGEST], one.id) for one in new for name in names_of(one)])
    bulk.insert(connection, service_names, ("service", "capture"), names)


def rename(connection: sa.Connection, new: Capture) -> None:
    """Writes what changes when the process of a capture is found; called before its row is written."""
    target = target_of(connection.execute(_TARGET, {"id": new.id}).scalar())
    before, after = names_of(replace(new, target=target)), names_of(new)
    if gone := before - after:
        connection.execute(_DELETE_NAME, [{"name": name[:LONGEST], "id": new.id} for name in sorted(gone)])
    if come := after - before:
        connection.execute(_INSERT_NAME, [{"service": name[:LONGEST], "id": new.id} for name in sorted(come)])


def remove(connection: sa.Connection, capture: Capture) -> None:
    """Removes the entries of a capture."""
    entries = [{"label": name, "of": value, "id": capture.id} for name, value in pairs(capture.trigger.labels)]
    connection.execute(_DELETE_PAIR, entries)
    if names := names_of(capture):
        connection.execute(_DELETE_NAME, [{"name": name[:LONGEST], "id": capture.id} for name in names])

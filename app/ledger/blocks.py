"""The executables that no replica signals any more, until an operator unblocks them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from app.ledger.rows import micro, moment
from app.ledger.schema import blocked
from app.model import Blocked

_b = blocked.c
_INSERT = sa.insert(blocked)
_ALL = sa.select(blocked).order_by(_b.at.desc(), _b.id)
_OF_BUILD = sa.select(blocked).where(_b.build == sa.bindparam("key"))
_DELETE = sa.delete(blocked).where(_b.id == sa.bindparam("key")).returning(*blocked.columns)


def add(connection: sa.Connection, one: Blocked) -> None:
    """Adds an executable. Raises IntegrityError if its build is blocked already."""
    connection.execute(_INSERT, {name: _plain(value) for name, value in asdict(one).items()} | {"at": micro(one.at)})


def every(connection: sa.Connection) -> tuple[Blocked, ...]:
    """All of them, newest first."""
    return tuple(_blocked(row._mapping) for row in connection.execute(_ALL))


def of_build(connection: sa.Connection, build: str) -> Blocked | None:
    """The blocked executable of this build."""
    return _one(connection.execute(_OF_BUILD, {"key": build}))


def remove(connection: sa.Connection, id_: str) -> Blocked | None:
    """Removes an executable and returns it; None if there is no such id."""
    return _one(connection.execute(_DELETE, {"key": id_}))


def _one(result: sa.CursorResult[Any]) -> Blocked | None:
    row = result.one_or_none()
    return None if row is None else _blocked(row._mapping)


def _blocked(row: Mapping[Any, Any]) -> Blocked:
    return Blocked(**{**row, "at": moment(row["at"])})


def _plain(value: object) -> object:
    """PostgreSQL's text cannot hold a NUL."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value

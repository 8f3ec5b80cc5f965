"""Many rows in one statement, as tuples: what SQLAlchemy does with each named value costs more than writing it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa


def insert(
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    unless: str = "",
) -> int:
    """Inserts rows with a value for each of these columns, and whatever the others have by default. Returns how many.

    unless: a column with a unique index where it is not null; what it keeps out is left out. Raises IntegrityError."""
    if not rows:
        return 0
    statement = _statement(table, tuple(columns), connection.dialect.name, unless)
    return connection.exec_driver_sql(statement, [*rows]).rowcount


@lru_cache(maxsize=16)
def _statement(table: sa.Table, columns: tuple[str, ...], dialect: str, unless: str) -> str:
    marks = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(columns))
    or_not = f"ON CONFLICT ({unless}) WHERE {unless} IS NOT NULL DO NOTHING" if unless else ""
    return " ".join(("INSERT INTO", table.name, f"({', '.join(columns)})", "VALUES", f"({marks})", or_not)).rstrip()

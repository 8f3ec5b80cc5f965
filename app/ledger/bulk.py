"""Many rows in one statement, as tuples: what SQLAlchemy does with each named value costs more than writing it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa


def insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows with a value for each of these columns, and whatever the others have by default. Raises
    IntegrityError."""
    if rows:
        connection.exec_driver_sql(_statement(table, tuple(columns), connection.dialect.name), [*rows])


@lru_cache(maxsize=16)
def _statement(table: sa.Table, columns: tuple[str, ...], dialect: str) -> str:
    marks = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(columns))
    return " ".join(("INSERT INTO", table.name, f"({', '.join(columns)})", "VALUES", f"({marks})"))

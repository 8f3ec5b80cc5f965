"""Writes one row again and again, to see whether the database accepts writes."""

from datetime import datetime

import sqlalchemy as sa

_WRITE = sa.text(
    "INSERT INTO settings (key, value) VALUES ('written', :now) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def write(connection: sa.Connection, now: datetime) -> None:
    """Writes the time into the row."""
    connection.execute(_WRITE, {"now": now.isoformat()})

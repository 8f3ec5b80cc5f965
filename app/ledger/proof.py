"""A row that is written anew each time, to see whether the database takes anything."""

from datetime import datetime

import sqlalchemy as sa

_WRITE = sa.text(
    "INSERT INTO settings (key, value) VALUES ('written', :now) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def write(connection: sa.Connection, now: datetime) -> None:
    connection.execute(_WRITE, {"now": now.isoformat()})

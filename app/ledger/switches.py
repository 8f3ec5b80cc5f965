"""The settings that people change while the service runs: whether captures are paused."""

from datetime import datetime

import sqlalchemy as sa

from app.ledger.schema import settings

_PAUSED = "paused"
_READ = sa.select(settings.c.value).where(settings.c.key == _PAUSED)
_DELETE = sa.delete(settings).where(settings.c.key == _PAUSED)
_INSERT = sa.insert(settings)


def paused(connection: sa.Connection) -> str | None:
    """ "paused since … by …", or None."""
    return connection.execute(_READ).scalar()


def pause(connection: sa.Connection, now: datetime, by: str) -> None:
    """Whoever paused first stays named."""
    if paused(connection) is None:
        connection.execute(_INSERT, {"key": _PAUSED, "value": f"paused since {now:%Y-%m-%d %H:%M:%S} UTC by {by}"})


def resume(connection: sa.Connection) -> None:
    connection.execute(_DELETE)

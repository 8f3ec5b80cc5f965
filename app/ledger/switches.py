"""The settings that people change while the service runs: the pause."""

from datetime import datetime

import sqlalchemy as sa

from app.errors import Code
from app.ledger.rows import micro
from app.ledger.schema import captures, settings
from app.model import Step

_PAUSED = "paused"
_READ = "SELECT value FROM settings WHERE key = 'paused'"  # as the driver takes it, because every alert asks
_DELETE = sa.delete(settings).where(settings.c.key == _PAUSED)
_INSERT = sa.insert(settings)
_c = captures.c
_DUE_AGAIN = (
    sa.update(captures)
    .where(_c.due_at > sa.bindparam("now"), _c.step == Step.RESOLVE, _c.reason_code == Code.PAUSED)
    .values(due_at=sa.bindparam("now"))
)


def paused(connection: sa.Connection) -> str | None:
    """ "paused since … by …" while captures are paused, otherwise None."""
    found: str | None = connection.exec_driver_sql(_READ).scalar()
    return found


def pause(connection: sa.Connection, now: datetime, by: str) -> None:
    """Pauses captures. Of several pauses the first one's name stays. by: who asked."""
    if paused(connection) is None:
        connection.execute(_INSERT, {"key": _PAUSED, "value": f"paused since {now:%Y-%m-%d %H:%M:%S} UTC by {by}"})


def resume(connection: sa.Connection, now: datetime) -> None:
    """Ends the pause; the captures that it held back are due now."""
    connection.execute(_DELETE)
    connection.execute(_DUE_AGAIN, {"now": micro(now)})

"""What one replica does for all of them, once in a while: the first one that asks for it when it is due."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.ledger.rows import micro

# A time in the future is from before a clock was set.
_TAKE = sa.text("""
INSERT INTO settings (key, value) VALUES (:key, :now)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
WHERE settings.value <= :before OR settings.value > :after
""")


def take(connection: sa.Connection, duty: str, now: datetime, every: timedelta) -> bool:
    """Whether the caller does it now; nobody else does until `every` has passed."""
    said = {"key": f"last {duty}", "now": _text(now), "before": _text(now - every), "after": _text(now + every)}
    return connection.execute(_TAKE, said).rowcount == 1


def _text(moment: datetime) -> str:
    return f"{micro(moment):020d}"  # sorts as the number does

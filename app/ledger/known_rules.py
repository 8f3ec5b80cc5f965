"""Which rules the replicas have: while a change of rules is rolled out, a capture is left to one that has its rule.

Every replica says again and again which ones it has, each by its digest. What one said that is dead is believed for a
minute more, so that a capture outlives its restart. One service alone asks nobody.
"""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from secrets import token_hex

import sqlalchemy as sa

from app.ledger.database import Database
from app.ledger.rows import micro
from app.ledger.schema import settings

BELIEVED = timedelta(minutes=1)
_PREFIX = "rules of "
_SAY = sa.text(
    "INSERT INTO settings (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_OTHERS = sa.select(settings.c.key, settings.c.value).where(
    settings.c.key.startswith(_PREFIX), settings.c.key != sa.bindparam("me")
)
_FORGET = sa.delete(settings).where(settings.c.key.in_(sa.bindparam("dead", expanding=True)))


class KnownRules:
    """The rows. Every method may be called from any thread, and raises LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database, self._me = database, f"{_PREFIX}{token_hex(8)}"

    def say(self, digests: Collection[str], now: datetime) -> None:
        """This replica has these rules, and no others. Forgets what dead replicas had."""
        if self._database.sqlite:
            return
        value = json.dumps({"at": micro(now), "rules": sorted(digests)})
        with self._database.writing() as connection:
            connection.execute(_SAY, {"key": self._me, "value": value})
            others = connection.execute(_OTHERS, {"me": self._me}).all()
            if dead := [row.key for row in others if _rules(row.value, now) is None]:
                connection.execute(_FORGET, {"dead": dead})

    def elsewhere(self, digest: str, now: datetime) -> bool:
        """Whether another replica has this rule."""
        if self._database.sqlite:
            return False
        with self._database.reading() as connection:
            others = connection.execute(_OTHERS, {"me": self._me}).all()
        return any(digest in (_rules(row.value, now) or ()) for row in others)


def _rules(value: str, now: datetime) -> Collection[str] | None:
    """What a replica said; None if that was long ago. A time as far in the future is from before a clock was set."""
    said = json.loads(value)
    if abs(said["at"] - micro(now)) > BELIEVED / timedelta(microseconds=1):
        return None
    rules: list[str] = said["rules"]
    return rules

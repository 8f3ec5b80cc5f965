"""What the sweep of the store needs of the database: whose files there are, and whose turn it is to look for others.

Two rows of `settings`: the ledger's own id, by which a store knows to which ledger it belongs, and how far the last
sweep came.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.ledger.database import Database
from app.ledger.rows import micro
from app.ledger.schema import captures, prearms, settings

_ID, _SWEEP = "ledger_id", "store_sweep"
_AT_ONCE = 500  # ids in one question
_READ = sa.select(settings.c.value).where(settings.c.key == sa.bindparam("name"))
_NEWEST = sa.select(sa.func.max(captures.c.id))
_SWAP = (
    sa.update(settings)
    .where(settings.c.key == _SWEEP, settings.c.value == sa.bindparam("before"))
    .values(value=sa.bindparam("after"))
)
_KNOWN = sa.union_all(
    *(sa.select(table.c.id).where(table.c.id.in_(sa.bindparam("ids", expanding=True))) for table in (captures, prearms))
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One run. number: from 1; at: when it began, in microseconds; reached: the last key that it looked at, "" when it
    came to the end."""

    number: int = 0
    at: int = 0
    reached: str = ""


class Sweeps:
    """The rows. Every method may be called from any thread, and raises LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ledger_id(self) -> str:
        """The id that this ledger, and no other, has. It is made when it is first asked for."""
        while True:
            with self._database.reading() as connection:
                if found := connection.execute(_READ, {"name": _ID}).scalar():
                    return str(found)
            self._insert(_ID, uuid4().hex)

    def last(self) -> Sweep:
        """The last run that was begun; number 0 if there was none."""
        with self._database.reading() as connection:
            said = connection.execute(_READ, {"name": _SWEEP}).scalar()
        return Sweep(**json.loads(said)) if said else Sweep()

    def begin(self, now: datetime, every: timedelta) -> Sweep | None:
        """Begins the next run, where the last one ended. None if the last one began less than `every` ago, or if
        another replica was quicker. A last one in the future is no hindrance: a clock was wrong."""
        last = self.last()
        if last.number and abs(micro(now) - last.at) < every / timedelta(microseconds=1):
            return None
        following = Sweep(last.number + 1, micro(now), last.reached)
        if last.number:
            return following if self._swap(last, following) else None
        return following if self._insert(_SWEEP, json.dumps(asdict(following))) else None

    def reached(self, run: Sweep, key: str) -> None:
        """The run has looked at everything up to this key. Nothing changes if another run has begun since."""
        self._swap(run, Sweep(run.number, run.at, key))

    def newest(self) -> str:
        """The greatest id of a capture, "" if there is none: ids begin with the time."""
        with self._database.reading() as connection:
            return str(connection.execute(_NEWEST).scalar() or "")

    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that a capture or a pre-arm has."""
        every, found = sorted(ids), set[str]()
        for start in range(0, len(every), _AT_ONCE):
            with self._database.reading() as connection:
                found.update(connection.execute(_KNOWN, {"ids": every[start : start + _AT_ONCE]}).scalars())
        return frozenset(found)

    def _swap(self, before: Sweep, after: Sweep) -> bool:
        with self._database.writing() as connection:
            said = {"before": json.dumps(asdict(before)), "after": json.dumps(asdict(after))}
            return connection.execute(_SWAP, said).rowcount == 1

    def _insert(self, key: str, value: str) -> bool:
        try:
            with self._database.writing() as connection:
                connection.execute(sa.insert(settings), {"key": key, "value": value})
        except IntegrityError:
            return False
        return True

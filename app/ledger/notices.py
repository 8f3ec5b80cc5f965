"""The notices: whom the end of a capture has still to be told, one row for each capture and notifier.

A row is written in the transaction that ends the capture, so that neither can be without the other (the outbox
pattern). It is claimed under a lease, as a capture is, and removed once it was delivered or given up. Whoever dies
between the delivery and the removal leaves a row that is delivered again, with the same key.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.ledger import outcomes
from app.ledger.database import Database
from app.ledger.outcomes import Outcome
from app.ledger.rows import micro, moment, moment_or_none
from app.ledger.schema import notices
from app.model import Capture

TOO_OLD = "given up: it is too old"
MOST = 1000  # notices that wait for one notifier; what would be one more is dropped

_n = notices.c
_COUNTS = sa.select(_n.notifier, sa.func.count().label("waiting")).group_by(_n.notifier)
_OF_CAPTURE = sa.select(_n.notifier).where(_n.capture == sa.bindparam("about"))
_MINE = _n.notifier.in_(sa.bindparam("names", expanding=True)) & _n.notifier.not_in(
    sa.bindparam("busy", expanding=True)
)
_NEXT = (
    sa.select(_n.notifier, _n.capture)
    .where(
        _MINE,
        _n.due_at <= sa.bindparam("now"),
        _n.lease_until.is_(None) | (_n.lease_until <= sa.bindparam("now")),
    )
    .order_by(_n.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_ONE = (_n.notifier == sa.bindparam("to"), _n.capture == sa.bindparam("about"))
_TAKE = sa.update(notices).where(*_ONE).values(lease_until=sa.bindparam("until"), attempt=_n.attempt + 1)
_HELD = (*_ONE, _n.attempt == sa.bindparam("fence"))
_LATER = sa.update(notices).where(*_HELD).values(lease_until=None, due_at=sa.bindparam("due"))
_RENEW = sa.update(notices).where(*_HELD).values(lease_until=sa.bindparam("until"))
_REMOVE = sa.delete(notices).where(*_HELD)
_SOONEST = sa.select(sa.func.min(sa.case((_n.lease_until > _n.due_at, _n.lease_until), else_=_n.due_at))).where(_MINE)
_EXPIRED = (
    sa.delete(notices)
    .where(_n.created_at < sa.bindparam("before"), _n.lease_until.is_(None) | (_n.lease_until <= sa.bindparam("now")))
    .returning(_n.notifier, _n.capture)
)
_FREE_ALL = sa.update(notices).where(_n.lease_until.is_not(None)).values(lease_until=None)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is ours for the length of a lease. capture: its id; attempt: the number of this attempt, from 1."""

    notifier: str
    capture: str
    created_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class Added:
    """What the end of a capture added: whether any notice, and the names of the notifiers that had too many."""

    any: bool = False
    dropped: tuple[str, ...] = ()


class Notices:
    """The rows. Every method may be called from any thread, and raises LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.recipients: Callable[[Capture], Collection[str]] = lambda capture: ()
        """The names of the notifiers that are told of a capture that has just ended."""
        self.on_added: Callable[[Added], None] = lambda added: None
        """Called, from any thread, after a commit that ended a capture; it has to return at once."""

    def add(self, connection: sa.Connection, capture: Capture, now: datetime) -> Added:
        """Adds the notices of a capture that ends in this transaction."""
        wanted = set(self.recipients(capture))
        if not wanted:
            return Added()
        # A row that is there already would break the transaction, and with it the end of the capture.
        wanted -= set(connection.execute(_OF_CAPTURE, {"about": capture.id}).scalars())
        waiting = _counted(connection)
        taken = [name for name in sorted(wanted) if waiting.get(name, 0) < MOST]
        at = micro(now)
        common = {"capture": capture.id, "created_at": at, "due_at": at, "attempt": 0}
        if taken:
            connection.execute(sa.insert(notices), [{"notifier": name, **common} for name in taken])
        return Added(bool(taken), tuple(sorted(wanted.difference(taken))))

    def free_all(self, connection: sa.Connection) -> None:
        """Ends all leases; for a caller that knows that their holders are dead."""
        connection.execute(_FREE_ALL)

    def claim(
        self, now: datetime, lease: timedelta, names: Collection[str], busy: Collection[str] = ()
    ) -> Notice | None:
        """Claims the notice that has been due longest, until now + lease; None: there is none.

        names: of the notifiers that there are; busy: of those to leave out."""
        with self._database.writing() as connection:
            said = {"now": micro(now), "names": list(names), "busy": list(busy)}
            found = connection.execute(_NEXT, said).one_or_none()
            if found is None:
                return None
            key = {"to": found.notifier, "about": found.capture}
            connection.execute(_TAKE, {**key, "until": micro(now + lease)})
            row = connection.execute(sa.select(notices).where(*_ONE), key).one()
        return Notice(row.notifier, row.capture, moment(row.created_at), row.attempt)

    def renew(self, notice: Notice, until: datetime) -> bool:
        """Extends the lease; False if another replica has claimed the notice since."""
        with self._database.writing() as connection:
            return connection.execute(_RENEW, {**_key(notice), "until": micro(until)}).rowcount == 1

    def later(self, notice: Notice, due: datetime, became: Outcome | None = None) -> bool:
        """Ends the lease and makes the notice due again then; False if another replica has claimed it since. became: of
        the attempt, to be looked up."""
        with self._database.writing() as connection:
            mine = connection.execute(_LATER, {**_key(notice), "due": micro(due)}).rowcount == 1
            return mine and _with_outcome(connection, notice, became)

    def remove(self, notice: Notice, became: Outcome | None = None) -> bool:
        """Removes the notice; False if another replica has claimed it since. became: as of `later`."""
        with self._database.writing() as connection:
            mine = connection.execute(_REMOVE, _key(notice)).rowcount == 1
            return mine and _with_outcome(connection, notice, became)

    def of_capture(self, capture_id: str) -> tuple[outcomes.Told, ...]:
        """Who was told of a capture, and who has still to be, by name."""
        with self._database.reading() as connection:
            return outcomes.of_capture(connection, capture_id)

    def remove_created_before(self, before: datetime, now: datetime) -> Sequence[str]:
        """Removes the older notices that nobody works on; returns the names of their notifiers, one for each."""
        with self._database.writing() as connection:
            gone = connection.execute(_EXPIRED, {"before": micro(before), "now": micro(now)}).all()
            for row in gone:
                outcomes.write(connection, row.notifier, row.capture, Outcome("failed", now, TOO_OLD))
        return [row.notifier for row in gone]

    def next_due(self, names: Collection[str], busy: Collection[str] = ()) -> datetime | None:
        """When the next notice for one of these notifiers can be claimed; None: there is none."""
        with self._database.reading() as connection:
            found = connection.execute(_SOONEST, {"names": list(names), "busy": list(busy)}).scalar()
        return moment_or_none(found)

    def counts(self) -> dict[str, int]:
        """How many notices wait, by notifier."""
        with self._database.reading() as connection:
            return _counted(connection)


def _key(notice: Notice) -> dict[str, object]:
    return {"to": notice.notifier, "about": notice.capture, "fence": notice.attempt}


def _with_outcome(connection: sa.Connection, notice: Notice, became: Outcome | None) -> bool:
    if became:
        outcomes.write(connection, notice.notifier, notice.capture, became)
    return True


def _counted(connection: sa.Connection) -> dict[str, int]:
    return {row.notifier: row.waiting for row in connection.execute(_COUNTS)}

"""The ledger: everything that must survive a restart is written and read through this one class.

The webhook delivers alerts, the worker claims and saves captures, the API reads and changes them. No error of the
database leaves this package except LedgerUnavailable (see database.py) and those that a method names.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from app.ledger import baselines, blocks, claims, duties, migrations, proof, queries, recording, switches
from app.ledger.arrivals import Decide, Delivery, Receipt
from app.ledger.calm import CalmCaptures
from app.ledger.capacity import Bounds, Full
from app.ledger.claims import NOTHING_CLOSED, Claim, Closed, FenceLost, ProcessTaken
from app.ledger.database import Database, LedgerUnavailable
from app.ledger.inbox import WRITERS, Inbox
from app.ledger.known_rules import KnownRules
from app.ledger.listing import Filter, Page
from app.ledger.messages import Message
from app.ledger.notices import Notices
from app.ledger.prearms import PreArms
from app.ledger.presence import presence_of
from app.ledger.queries import Stored
from app.ledger.reader import LedgerReader, Values, open_reader
from app.ledger.saving import write
from app.ledger.sweeps import Sweeps
from app.ledger.waiting import Waiting
from app.model import Alert, Blocked, Capture

__all__ = [
    "Bounds",
    "Claim",
    "Decide",
    "FenceLost",
    "Filter",
    "Full",
    "Ledger",
    "LedgerReader",
    "LedgerUnavailable",
    "Message",
    "Page",
    "ProcessTaken",
    "Receipt",
    "Stored",
    "Values",
    "open_reader",
]

_ATTEMPTS = 3


class Ledger(LedgerReader):
    """One database, for the service that writes it. Every method may be called from any thread.

    url: sqlite:///… or postgresql+psycopg://….
    decide: admission.decide with the rules bound; it may be replaced at any time by setting it.
    bounds: how many recordings are allowed at once; None: any number.
    exclusive: on SQLite this process owns the file (`serve` does), and a second owner is refused.
    clock: the time at which a batch of alerts is decided; None: the ledger's own (clock.py). Raises LedgerUnavailable.
    """

    def __init__(
        self,
        url: str,
        *,
        decide: Decide,
        bounds: Bounds | None = None,
        exclusive: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(Database(url, exclusive=exclusive), bounds)
        self.decide = decide
        self.on_due: Callable[[], None] = lambda: None
        """Called, from any thread, after a commit that made a capture due; it has to return at once."""
        self._clock = clock or self.clock.now
        base = self._database
        self._inbox, self.presence = Inbox(self._record, writers=1 if base.sqlite else WRITERS), presence_of(base)
        self.prearms, self.calm, self.notices = PreArms(base), CalmCaptures(base), Notices(base)
        self.known_rules, self.sweeps, self.waiting = KnownRules(base), Sweeps(base), Waiting(base)

    def migrate(self) -> None:
        """Brings the tables up to this version; needed once before anything else. The owner of an SQLite file then
        ends all leases: their holders are dead, and their captures can be claimed at once."""
        with self._database.upgrading() as connection:
            migrations.upgrade(connection)
            if self._database.owned:
                claims.free_all(connection)
                self.notices.free_all(connection)
        self.next_due()  # the first answer of the server's clock

    def prove(self, now: datetime) -> None:
        """Writes a row, to see whether the database takes one. Raises LedgerUnavailable."""
        self._database.require_file()
        with self._database.writing() as connection:
            proof.write(connection, now)

    def close(self) -> None:
        """Writes the deliveries that wait, then closes the database."""
        self._inbox.close()
        self.presence.stop()
        self._database.close()

    # alerts and requests

    def held_up(self) -> float:
        """For how many seconds alerts that come now have to wait already until they are written."""
        return self._inbox.held_up()

    def receive(self, alerts: Sequence[Alert], body: bytes | None = None, left_out: int = 0) -> Future[Receipt]:
        """Records the alerts of one delivery. The future is done when all of them are on disk; when it raises
        LedgerUnavailable, none is, unless that is a LedgerUncertain.

        body: the message as it came, if it is to be kept among the last; left_out: how many alerts it left out."""
        return self._inbox.put(Delivery(alerts, body, left_out))

    def _made_due(self) -> None:
        self.on_due()
        self.presence.call()  # the others

    def _record(self, deliveries: Sequence[Delivery], hurried: bool) -> list[Receipt]:
        recorded = recording.record(self._database, deliveries, lambda: self.decide, self._clock, hurried=hurried)
        if recorded.due:
            self._made_due()
        return recorded.receipts

    def create(self, capture: Capture) -> None:
        """Records a capture that a person asked for. Raises ValueError if its id exists already."""
        try:
            with self._database.writing() as connection:
                queries.create(connection, capture)
        except IntegrityError as error:
            raise ValueError(f"there is a capture {capture.id} already") from error
        self._made_due()

    # the worker

    def claim(self, now: datetime, owner: str, lease: timedelta, closed: Closed = NOTHING_CLOSED) -> Claim | None:
        """Claims the most urgent due capture that nobody holds and that is not closed, until now + lease, in the order
        of claims.take. None: there is none."""
        with self._database.writing() as connection, self.clock.asking() as answered:
            return claims.take(connection, now, owner, lease, closed, answered=answered)

    def renew(self, held: Sequence[Claim], now: datetime, lease: timedelta) -> None:
        """Extends those of these claims that still hold until now + lease."""
        with self._database.writing() as connection:
            claims.renew(connection, held, now, lease)

    def save(self, claim: Claim, capture: Capture) -> None:
        """Writes the capture's next value and keeps the lease. resolved_at and stop_requested_at are never written. A
        stop that was requested since the claim keeps the row due, whatever the capture's due_at.

        Raises FenceLost; ProcessTaken if another capture is active on its process; Full if it is about to start and
        the bounds allow no further recording; ValueError if it has not ended and is never due.
        """
        self._save(claim, capture, release=False)

    def release(self, claim: Claim, capture: Capture) -> None:
        """As save, and ends the lease."""
        self._save(claim, capture, release=True)

    def _save(self, claim: Claim, capture: Capture, *, release: bool) -> None:
        for _ in range(_ATTEMPTS):
            try:
                with self._database.writing() as connection:
                    now, notices = self._clock(), self.notices
                    freed, added = write(
                        connection, claim, capture, release=release, bounds=self.bounds, notices=notices, now=now
                    )
            except IntegrityError:
                self._raise_if_taken(capture)
            else:
                self.notices.on_added(added)
                return self._made_due() if freed else None
        raise LedgerUnavailable(f"captures keep beginning and ending on the process of {capture.id}; try again")

    def _raise_if_taken(self, capture: Capture) -> None:
        with self._database.reading() as connection:
            other = claims.active_on(connection, capture.process.key if capture.process else "")
        if other is not None:
            raise ProcessTaken(other)

    # the API

    def takes(self, duty: str, now: datetime, every: timedelta) -> bool:
        """Whether this service does now what one replica does for all, once in `every`."""
        if self._database.sqlite:
            return True
        with self._database.writing() as connection:
            return duties.take(connection, duty, now, every)

    def request_stop(self, id_: str, now: datetime) -> bool:
        """Makes the capture due and sets stop_requested_at; False if there is no such capture or it has ended."""
        with self._database.writing() as connection:
            asked = queries.request_stop(connection, id_, now)
        if asked:
            self._made_due()
        return asked

    def pin(self, id_: str, to: bool) -> bool:
        """Pins the capture (retention leaves it alone) or unpins it; False if there is no such capture."""
        with self._database.writing() as connection:
            return queries.pin(connection, id_, to)

    def choose_baseline(self, capture: Capture) -> bool:
        """Makes the capture the baseline of its service, in the place of another one; retention leaves it alone. False
        if it has no service or is not completed."""
        service = capture.target.service if capture.target else ""
        if not service:
            return False
        with self._database.writing() as connection:
            return baselines.choose(connection, capture.id, service)

    def unchoose_baseline(self, id_: str) -> None:
        """The capture is no baseline any more; nothing changes if it is none."""
        with self._database.writing() as connection:
            baselines.unchoose(connection, id_)

    def delete(self, id_: str, *, pinned: bool = True) -> Capture | None:
        """Removes the row of a capture that has ended, and returns its last value; None if nothing was removed.

        The caller removes the files. An alert that still fires then counts as new. pinned: also if it is pinned."""
        with self._database.writing() as connection:
            return queries.delete(connection, id_, pinned=pinned)

    # executables that are not signalled any more, and the pause

    def block(self, one: Blocked) -> None:
        """From now on no replica signals this executable. If its build is blocked already, the first row stays."""
        with suppress(IntegrityError), self._database.writing() as connection:
            blocks.add(connection, one)

    def unblock(self, id_: str) -> Blocked | None:
        """Takes an executable off the list and returns it; None if there is no such id."""
        with self._database.writing() as connection:
            return blocks.remove(connection, id_)

    def pause(self, now: datetime, by: str) -> None:
        """New alerts are held back until resume. Of several pauses the first one's name stays."""
        with suppress(IntegrityError), self._database.writing() as connection:
            switches.pause(connection, now, by)

    def resume(self) -> None:
        """Ends the pause; the captures that it held back are due at once."""
        with self._database.writing() as connection:
            switches.resume(connection, self._clock())
        self._made_due()

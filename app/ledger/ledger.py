"""The ledger's door: what must survive a restart is written and read through this one class.

The webhook brings alerts, the worker claims and saves, the API asks; they know nothing of each other. Nothing that
the database says leaves this room but LedgerUnavailable (see database.py) and what each method names.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.ledger import arrivals, blocks, capacity, claims, messages, migrations, proof, queries, switches
from app.ledger.arrivals import Decide, Delivery, Receipt
from app.ledger.capacity import Bounds, Full
from app.ledger.claims import Claim, FenceLost, ProcessTaken
from app.ledger.database import Database, LedgerUnavailable, existing
from app.ledger.inbox import Inbox
from app.ledger.messages import Message
from app.ledger.queries import Filter, Page, Stored
from app.model import Alert, Blocked, Capture, Episode, State, Step

__all__ = [
    "Bounds",
    "Claim",
    "Decide",
    "FenceLost",
    "Filter",
    "Full",
    "Ledger",
    "LedgerUnavailable",
    "Message",
    "Page",
    "ProcessTaken",
    "Receipt",
    "Stored",
]

_ATTEMPTS = 3


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """One database. All methods may be called from any thread.

    url: sqlite:///… or postgresql+psycopg://…; decide: admission.decide with the rules bound, may be replaced at any
    time by setting it; bounds: how many recordings at once (None: any number); exclusive: on SQLite this process owns
    the file (`serve` does), a second owner is refused;
    clock: the time at which a batch of alerts is decided.
    """

    def __init__(
        self,
        url: str,
        *,
        decide: Decide,
        bounds: Bounds | None = None,
        exclusive: bool = False,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.decide = decide
        self.bounds = bounds
        self.on_due: Callable[[], None] = lambda: None
        """Called, from any thread, after a commit that made something due; must return at once."""
        self._clock = clock
        self._database = Database(url, exclusive=exclusive)
        self._inbox = Inbox(self._record)

    @classmethod
    def to_read(cls, url: str, *, decide: Decide, bounds: Bounds | None = None) -> Self:
        """A ledger that somebody else writes: nothing is made or changed, and only its reading methods work. Raises
        LedgerUnavailable, also when there is none."""
        return cls(existing(url), decide=decide, bounds=bounds)

    def migrate(self) -> None:
        """Bring the tables up to this version; needed once before anything else. The owner of an SQLite file then
        frees all leases: whoever held them is dead, and what it left is taken up at once."""
        with self._database.writing() as connection:
            migrations.upgrade(connection)
            if self._database.owned:
                claims.free_all(connection)

    def prove(self, now: datetime) -> None:
        """Write something, to see whether it can be written. Raises LedgerUnavailable."""
        self._database.require_file()
        with self._database.writing() as connection:
            proof.write(connection, now)

    def close(self) -> None:
        """Writes the deliveries that wait, then lets go of the database."""
        self._inbox.close()
        self._database.close()

    # the intake

    def receive(self, alerts: Sequence[Alert], body: bytes | None = None, left_out: int = 0) -> Future[Receipt]:
        """One delivery. Its future is done when all of it is on disk; LedgerUnavailable in it: nothing of it is.
        body: the message as it came, if it is to be among the last ones; left_out: how many alerts it left out."""
        return self._inbox.put(Delivery(alerts, body, left_out))

    def _record(self, deliveries: Sequence[Delivery]) -> list[Receipt]:
        receipts, due = self._recorded(deliveries)
        if due:
            self.on_due()
        return receipts

    def _recorded(self, deliveries: Sequence[Delivery]) -> tuple[list[Receipt], bool]:
        for _ in range(_ATTEMPTS):
            try:
                with self._database.writing() as connection:
                    now = self._clock()
                    receipts, due = arrivals.record(connection, deliveries, self.decide, now)
                    messages.keep(connection, deliveries, receipts, now)
                    return receipts, due
            except IntegrityError as error:
                quicker = error
        raise LedgerUnavailable("other replicas keep recording the same alerts; send this again") from quicker

    def create(self, capture: Capture) -> None:
        """A capture that a person asked for. Raises ValueError if its id is there already."""
        try:
            with self._database.writing() as connection:
                queries.create(connection, capture)
        except IntegrityError as error:
            raise ValueError(f"there is a capture {capture.id} already") from error
        self.on_due()

    # the worker

    def claim(self, now: datetime, owner: str, lease: timedelta, held: Sequence[str] = ()) -> Claim | None:
        """The most urgent capture that is due and nobody's, ours until now + lease: one that records and must be
        stopped before any other, then the one due longest. held: ids that are not meant, as they are worked on."""
        with self._database.writing() as connection:
            return claims.take(connection, now, owner, lease, held)

    def renew(self, claim: Claim, now: datetime, lease: timedelta) -> None:
        """Ours until now + lease. Raises FenceLost."""
        with self._database.writing() as connection:
            claims.renew(connection, claim, now, lease)

    def save(self, claim: Claim, capture: Capture) -> None:
        """Write the next value down and keep the lease. Raises FenceLost; ProcessTaken if another capture is active
        on its process; Full if it is about to start and there is no room for it; ValueError if it has not ended and
        is due never.

        resolved_at and stop_requested_at are never written. A stop that was asked for since the claim keeps the row
        due, whatever due_at the capture has.
        """
        self._save(claim, capture, release=False)

    def release(self, claim: Claim, capture: Capture) -> None:
        """save, and give the lease up."""
        self._save(claim, capture, release=True)

    def _save(self, claim: Claim, capture: Capture, *, release: bool) -> None:
        for _ in range(_ATTEMPTS):
            try:
                with self._database.writing() as connection:
                    if self.bounds and capture.step is Step.START and claim.capture.step is Step.RESOLVE:
                        self._place(connection, capture, self.bounds)
                    claims.save(connection, claim, capture, release=release)
                    freed = capacity.freed(connection, capture, self._clock())
            except IntegrityError:
                self._taken(capture)
            else:
                return self.on_due() if freed else None
        raise LedgerUnavailable(f"captures keep beginning and ending on the process of {capture.id}; try again")

    def _place(self, connection: sa.Connection, capture: Capture, bounds: Bounds) -> None:
        """A place for one more recording. That the process has one is a better reason than that there is no room."""
        other = claims.active_on(connection, capture.process.key) if capture.process else None
        if other not in (None, capture.id):
            raise ProcessTaken(str(other))
        capacity.take(connection, capture, bounds, self._clock())

    def _taken(self, capture: Capture) -> None:
        process_key = capture.process.key if capture.process else ""
        with self._database.reading() as connection:
            other = claims.active_on(connection, process_key)
        if other is not None:
            raise ProcessTaken(other)

    def next_due(self) -> datetime | None:
        """When the next capture can be claimed: it is due, and nobody holds it any more."""
        with self._database.reading() as connection:
            return claims.soonest(connection)

    def last_ended(self, process_key: str, host: str, service: str, *, by: str | None = None) -> Capture | None:
        """The latest capture that recorded and has ended: on this process (ProcessId.key), or of this service on
        this host, since a process that was restarted is as a new one. by: only those that an alert asked for
        ("alert"), or a person ("manual")."""
        with self._database.reading() as connection:
            return queries.last_ended(connection, process_key, host, service, by)

    # the API

    def get(self, id_: str) -> Capture | None:
        with self._database.reading() as connection:
            return queries.get(connection, id_)

    def find(self, asked: Filter) -> Page:
        """Newest first. Raises ValueError, a sentence, for a cursor that is none."""
        with self._database.reading() as connection:
            return queries.find(connection, asked)

    def of_fingerprint(self, fingerprint: str) -> tuple[Capture, ...]:
        """The captures of one alert, newest first, 500 at most."""
        with self._database.reading() as connection:
            return queries.of_fingerprint(connection, fingerprint)

    def counts(self) -> dict[State, int]:
        """How many captures there are, for every state."""
        with self._database.reading() as connection:
            return queries.counts(connection)

    def request_stop(self, id_: str, now: datetime) -> bool:
        """Make the capture due with stop_requested_at set; False if there is none or it has ended."""
        with self._database.writing() as connection:
            asked = queries.request_stop(connection, id_, now)
        if asked:
            self.on_due()
        return asked

    def pin(self, id_: str, to: bool) -> bool:
        """Whether retention must leave it alone; False if there is no such capture."""
        with self._database.writing() as connection:
            return queries.pin(connection, id_, to)

    def stored(self) -> tuple[Stored, ...]:
        """Every capture that has ended, the one that ended first first."""
        with self._database.reading() as connection:
            return queries.stored(connection)

    def delete(self, id_: str, *, pinned: bool = True) -> Capture | None:
        """Remove the row of a capture that has ended, and give its last value; None if nothing was removed. The
        files are the caller's to remove. An alert that still fires is then new again. pinned: a pinned one too."""
        with self._database.writing() as connection:
            return queries.delete(connection, id_, pinned=pinned)

    def messages(self) -> tuple[Message, ...]:
        """The last messages that the webhook took, newest first, without their bodies."""
        with self._database.reading() as connection:
            return messages.last(connection)

    def message(self, id_: str) -> Message | None:
        """One of the last messages, with its body."""
        with self._database.reading() as connection:
            return messages.get(connection, id_)

    # what is not signalled any more

    def block(self, one: Blocked) -> None:
        """No replica signals this executable any more. Of a build that is blocked already the first row stays."""
        with suppress(IntegrityError), self._database.writing() as connection:
            blocks.add(connection, one)

    def unblock(self, id_: str) -> Blocked | None:
        """What was taken off the list, or None if there is no such id."""
        with self._database.writing() as connection:
            return blocks.remove(connection, id_)

    def blocked(self) -> tuple[Blocked, ...]:
        """The executables that are not signalled any more, newest first."""
        with self._database.reading() as connection:
            return blocks.every(connection)

    def blocked_as(self, build: str) -> Blocked | None:
        """That of this build; None for one that is unknown ("")."""
        if not build:
            return None
        with self._database.reading() as connection:
            return blocks.of_build(connection, build)

    # what would be, for explain

    def episodes(self, fingerprints: Collection[str]) -> dict[str, Episode]:
        """The current episode of each of these alerts that has one."""
        with self._database.reading() as connection:
            return arrivals.current(connection, fingerprints)

    def active_on(self, process_key: str) -> str | None:
        """The id of the capture that is at work on this process (ProcessId.key)."""
        with self._database.reading() as connection:
            return claims.active_on(connection, process_key)

    def full(self, capture: Capture, now: datetime) -> Full | None:
        """Why there is no room for one more recording of this capture's target just now, or None."""
        if self.bounds is None:
            return None
        try:
            with self._database.reading() as connection:
                capacity.count(connection, capture, self.bounds, now)
        except Full as full:
            return full
        return None

    def paused(self) -> str | None:
        """ "paused since … by …", or None."""
        with self._database.reading() as connection:
            return switches.paused(connection)

    def pause(self, now: datetime, by: str) -> None:
        """New alerts are held back until resume. Whoever was first stays named, also of several at the same time."""
        with suppress(IntegrityError), self._database.writing() as connection:
            switches.pause(connection, now, by)

    def resume(self) -> None:
        """What was held back because of the pause is due at once."""
        with self._database.writing() as connection:
            switches.resume(connection, self._clock())
        self.on_due()

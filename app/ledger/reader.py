"""Reading the ledger: the half of its façade that changes nothing. ledger.py adds the writing half.

`explain` and `doctor` open a reader on a ledger that a service writes. Every method may be called from any thread, and
may raise LedgerUnavailable.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from app.ledger import arrivals, baselines, blocks, capacity, claims, listing, messages, overview, queries, switches
from app.ledger.capacity import Bounds, Full
from app.ledger.claims import NOTHING_CLOSED, Closed
from app.ledger.clock import Clock
from app.ledger.database import Database, existing
from app.ledger.listing import Filter, Page
from app.ledger.messages import Message
from app.ledger.overview import Values as Values  # noqa: PLC0414 - exported
from app.ledger.queries import Stored
from app.ledger.rows import EPOCH
from app.model import Blocked, Capture, Episode, State


class LedgerReader:
    """One database. bounds: how many recordings are allowed at once; None: any number."""

    def __init__(self, database: Database, bounds: Bounds | None = None) -> None:
        self.bounds, self.clock = bounds, Clock()
        self._database = database

    def close(self) -> None:
        """Closes the database's connections."""
        self._database.close()

    # captures

    def get(self, id_: str, within: float | None = None) -> Capture | None:
        """The capture with this id. within: seconds in which PostgreSQL has to answer."""
        with self._database.reading(within) as connection:
            return queries.get(connection, id_)

    def find(self, asked: Filter) -> Page:
        """The captures that fit, newest first. Raises ValueError with a sentence for an invalid cursor."""
        with self._database.reading() as connection:
            return listing.find(connection, asked)

    def counts_by_time(
        self, asked: Filter, start: datetime, step: timedelta, steps: int
    ) -> dict[tuple[int, State], int]:
        """The number of captures in each of `steps` spans of `step` from `start` on, by state, those without any left
        out. Of `asked`, times and cursor are ignored; with matchers only the newest 5000 captures are counted."""
        with self._database.reading() as connection:
            return overview.counts_by_time(connection, asked, start, step, steps)

    def recent_values(self) -> tuple[Values, ...]:
        """What filters may ask of the newest 2000 captures, newest first."""
        with self._database.reading() as connection:
            return overview.recent(connection)

    def of_fingerprint(self, fingerprint: str) -> tuple[Capture, ...]:
        """The captures of one alert, newest first, 500 at most."""
        with self._database.reading() as connection:
            return queries.of_fingerprint(connection, fingerprint)

    def counts(self) -> dict[State, int]:
        """The number of captures in every state."""
        with self._database.reading() as connection:
            return queries.counts(connection)

    def stored(self) -> tuple[Stored, ...]:
        """Every capture that has ended, in the order of their ends."""
        with self._database.reading() as connection:
            return queries.stored(connection)

    def next_due(self, closed: Closed = NOTHING_CLOSED, who: str = "", now: datetime = EPOCH) -> datetime | None:
        """When the next capture can be claimed: it is due, its lease is over, and its lane is not closed. None: none
        waits for anything else. who: by this replica, which asks at `now`; "": by any."""
        with self._database.reading() as connection, self.clock.asking() as answered:
            return claims.soonest(connection, closed, who, now, answered=answered)

    def queue(self, now: datetime) -> tuple[int, datetime | None]:
        """How many captures are due at `now` and claimed by nobody, and since when the oldest of them is due."""
        with self._database.reading() as connection:
            return claims.queue(connection, now)

    def last_ended(self, process_key: str, host: str, service: str, *, by: str | None = None) -> Capture | None:
        """The latest capture that recorded and has ended, on this process (ProcessId.key) or of this service on this
        host: a restarted process has another key. by: only those that an alert ("alert") or a person ("manual")
        asked for."""
        with self._database.reading() as connection:
            return queries.last_ended(connection, process_key, host, service, by)

    def service_named(self, host: str, process_key: str, exe: str) -> str:
        """How the labels of the last alert about this executable on this host, or about this process, name its
        service; "" if none did."""
        with self._database.reading() as connection:
            return queries.service_named(connection, host, process_key, exe)

    def baseline(self, service: str) -> Capture | None:
        """The capture that others of this service are compared with."""
        with self._database.reading() as connection:
            return baselines.of_service(connection, service)

    # messages of the webhook

    def messages(self) -> tuple[Message, ...]:
        """The last messages that the webhook took, newest first, without their bodies."""
        with self._database.reading() as connection:
            return messages.last(connection)

    def message(self, id_: str) -> Message | None:
        """One of the last messages, with its body."""
        with self._database.reading() as connection:
            return messages.get(connection, id_)

    # executables that are not signalled any more

    def blocked(self) -> tuple[Blocked, ...]:
        """All of them, newest first."""
        with self._database.reading() as connection:
            return blocks.every(connection)

    def blocked_as(self, build: str) -> Blocked | None:
        """The blocked executable of this build. None: it is not blocked, or the build is unknown ("")."""
        if not build:
            return None
        with self._database.reading() as connection:
            return blocks.of_build(connection, build)

    # what would happen now

    def episodes(self, fingerprints: Collection[str]) -> dict[str, Episode]:
        """The current episode of each of these fingerprints that has one."""
        with self._database.reading() as connection:
            return arrivals.current(connection, fingerprints)

    def active_on(self, process_key: str) -> str | None:
        """The id of the capture that is active on this process (ProcessId.key)."""
        with self._database.reading() as connection:
            return claims.active_on(connection, process_key)

    def hosts_at_work(self) -> frozenset[str]:
        """The hosts of the processes on which a capture is active, as the captures name them."""
        with self._database.reading() as connection:
            return claims.hosts_at_work(connection)

    def full(self, capture: Capture, now: datetime) -> Full | None:
        """Why one more recording of this capture's target would exceed the bounds now; None if it would not."""
        if self.bounds is None:
            return None
        try:
            with self._database.reading() as connection:
                capacity.count(connection, capture, self.bounds, now)
        except Full as full:
            return full
        return None

    def paused(self) -> str | None:
        """ "paused since … by …" while captures are paused, otherwise None."""
        with self._database.reading() as connection:
            return switches.paused(connection)


def open_reader(url: str, bounds: Bounds | None = None) -> LedgerReader:
    """A reader of the ledger at `url`, which is neither made nor changed. Raises LedgerUnavailable where there is
    none."""
    return LedgerReader(Database(existing(url), exclusive=False), bounds)

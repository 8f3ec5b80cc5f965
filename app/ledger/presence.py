"""This replica among the others on one PostgreSQL. Used by ledger.py and the worker.

Each replica says twice a second that it lives, in a row of its own: one small statement, however many captures it
works on. Whoever finds that the time of another is over removes that row and frees what the other had claimed. A
replica whose row was removed goes on under another name, so nothing that it claimed before is its own any more.

The same connection listens (LISTEN, NOTIFY): a replica that makes a capture due tells the others. A call may be lost,
so they also look by themselves now and then. All times in the rows are the server's.
"""

import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog

from app.ledger.database import Database
from app.ledger.schema import affinities, captures, replicas
from app.ledger.server import Waits

LEASE = 3.5  # seconds for which a replica is taken to live after it has said so
BEAT = 0.5  # seconds
EARLY = 0.5  # seconds by which a replica ends its own lease before the others do
AWAIT = 5.0  # seconds for which whoever is about to act waits for a lease that is late
CLEAR_EVERY = 300.0  # seconds between two looks for affinities that are over
RECENT = 1.0  # seconds; what was asked earlier, while the server was away, was asked on connections that may be dead
CHANNEL = "alertprof_due"

_r, _c = replicas.c, captures.c
_NOW: sa.ColumnElement[int] = sa.literal_column("(extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
_UNTIL = _NOW + round(LEASE * 1_000_000)
_JOIN = sa.insert(replicas).values(name=sa.bindparam("new"), alive_until=_UNTIL)
_STAY = sa.update(replicas).where(_r.name == sa.bindparam("who")).values(alive_until=_UNTIL)


def _removing(which: sa.ColumnElement[bool]) -> sa.Select[int, int]:
    """Removes replicas and frees what they had claimed; returns how many replicas, and how many captures."""
    gone = sa.delete(replicas).where(which).returning(_r.name).cte("gone")
    free = sa.update(captures).where(_c.owner == gone.c.name, _c.lease_until.is_not(None))
    freed = free.values(owner=None, lease_until=None).returning(_c.id).cte("freed")
    return sa.select(_number(gone), _number(freed))


def _number(rows: sa.CTE) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


# Nobody who lives has said more than LEASE ahead: such a row is from before the server's clock was set back.
_OVER = (_r.alive_until <= _NOW) | (_r.alive_until > _UNTIL + round(LEASE * 1_000_000))
_BURY, _LEAVE = _removing(_OVER), _removing(_r.name == sa.bindparam("who"))

_CLEAR = sa.delete(affinities).where(affinities.c.until <= _NOW)

log = structlog.get_logger()


def monotonic() -> float:
    """Seconds; unlike time.monotonic() it goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Alone:
    """The presence of a service that owns its SQLite file: there are no others."""

    def __init__(self) -> None:
        self.owner = _new_name()

    def start(self, on_due: Callable[[], None]) -> None:
        """Nobody has to be told."""

    def stop(self) -> None:
        """Likewise."""

    def call(self) -> None:
        """Nobody else waits for what is due."""

    def holds(self, owner: str) -> bool:
        """As of Presence."""
        return True

    def lost(self, owner: str) -> bool:
        """As of Presence."""
        return False


class Presence:
    """Thread-safe."""

    def __init__(self, database: Database, waits: Waits) -> None:
        self._database, self._waits = database, waits
        self._on_due: Callable[[], None] = lambda: None
        self._name, self._until, self._said_at = "", 0.0, 0.0
        self._clear_at = 0.0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._bell: int | None = None  # an eventfd; None before the start and after the end
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self, on_due: Callable[[], None]) -> None:
        """on_due: called, from another thread, when a capture may have become due; it has to return at once."""
        self._on_due = on_due
        with self._changed:
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread.start()

    def stop(self) -> None:
        """Tells the others at once that this replica works on nothing any more."""
        self._closing.set()
        self.call()
        if self._thread.is_alive():
            self._thread.join(AWAIT)
        with self._changed:
            if self._bell is not None:
                os.close(self._bell)
            self._bell = None

    def call(self) -> None:
        """Tells the other replicas soon that a capture has become due."""
        with self._changed:
            if self._bell is not None:
                os.eventfd_write(self._bell, 1)

    @property
    def owner(self) -> str:
        """The name under which this replica may claim captures; "" while it is not known to live."""
        return self._name if monotonic() < self._until else ""

    def holds(self, owner: str) -> bool:
        """Whether what was claimed under this name is still this replica's. Waits a while for a lease that is late."""
        with self._changed:
            self._changed.wait_for(lambda: owner != self._name or monotonic() < self._until, AWAIT)
            return owner == self.owner

    def lost(self, owner: str) -> bool:
        """Whether others have taken over what was claimed under this name."""
        return owner != self._name

    def _run(self) -> None:
        logged_after: float | None = None
        while not self._closing.is_set():
            try:
                self._connected()
            except Exception as fault:  # whatever it is: without this thread the others would take over for good
                if logged_after != self._said_at:
                    said = str(fault).strip().partition("\n")[0]
                    log.warning("the database is not told that this replica lives; it is tried again", fault=said)
                logged_after = self._said_at
                self._closing.wait(BEAT)

    def _connected(self) -> None:
        """As long as one connection lasts."""
        with self._database.apart() as connection:
            try:
                with self._waits.answer(connection, LEASE):
                    connection.exec_driver_sql("SET synchronous_commit = off")  # a beat need not survive the server
                    connection.exec_driver_sql(f"LISTEN {CHANNEL}")
                self._on_due()  # nobody has listened until now
                while not self._closing.is_set():
                    self._beat(connection)
                    self._listen(connection, monotonic() + BEAT)
                self._leave(connection)
            except BaseException:
                connection.invalidate()
                raise

    def _beat(self, connection: sa.Connection) -> None:
        asked = monotonic()
        with self._waits.answer(connection, LEASE):
            if not self._name or connection.execute(_STAY, {"who": self._name}).rowcount != 1:
                self._join(connection)
            # After a pause of ours or of the server, the others get the time to say first that they live.
            steady = asked - self._said_at < 3 * BEAT
            dead, freed = connection.execute(_BURY).one() if steady else (0, 0)
            if asked >= self._clear_at:
                connection.execute(_CLEAR)
                self._clear_at = asked + CLEAR_EVERY
        with self._changed:
            late, known = asked >= self._until, self._said_at > 0
            self._said_at, self._until = asked, asked + LEASE - EARLY
            self._changed.notify_all()
        if late and known:
            self._waits.cut(RECENT)
        if dead:
            log.warning("another replica does not live any more: its captures are taken over", captures=freed)
            self.call()
        if dead or late:
            self._on_due()

    def _join(self, connection: sa.Connection) -> None:
        new = _new_name()
        connection.execute(_JOIN, {"new": new})
        if self._name:
            log.warning("this replica was silent for too long: others took over what it worked on")
        with self._changed:
            self._name, self._until = new, 0.0
            self._changed.notify_all()

    def _leave(self, connection: sa.Connection) -> None:
        with self._changed:  # a step that is still under way acts no more
            name, self._name, self._until = self._name, "", 0.0
            self._changed.notify_all()
        with self._waits.answer(connection, LEASE):
            connection.execute(_LEAVE, {"who": name})
            connection.exec_driver_sql(f"NOTIFY {CHANNEL}")

    def _listen(self, connection: sa.Connection, until: float) -> None:
        """Hears the calls of others, and tells them of ours."""
        driver: Any = connection.connection.driver_connection
        own, bell, poll = driver.info.backend_pid, self._bell or 0, select.poll()
        for each in (driver.fileno(), bell):
            poll.register(each, select.POLLIN)
        while not self._closing.is_set() and (left := until - monotonic()) > 0:
            if {note.pid for note in driver.notifies(timeout=0)} - {own}:
                self._on_due()
            if bell in dict(poll.poll(left * 1000)):
                os.eventfd_read(bell)
                with self._waits.answer(connection, LEASE):
                    connection.exec_driver_sql(f"NOTIFY {CHANNEL}")


def presence_of(database: Database) -> Alone | Presence:
    """The presence of the service that writes this database."""
    return Presence(database, database.waits) if database.waits else Alone()


def _new_name() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"

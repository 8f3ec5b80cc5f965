"""The engine for PostgreSQL, on which no wait is without an end.

A replica that is frozen inside a transaction holds its locks: the server ends that transaction. A server behind a
firewall that forgot the connection does not answer, and the kernel would wait for two hours: its probes are made more
frequent. A server that is stopped is noticed here: the connection is cut.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InvalidatePoolError

from app.ledger.address import PASSWORD_FILE, follow_password_file

CONNECT = 5  # seconds
IDLE_IN_TRANSACTION = 3  # seconds; a replica that runs leaves no transaction open for so long
LOCK = 5  # seconds; longer than a frozen replica may hold one
HURRIED_LOCK = 300  # milliseconds
STATEMENT = 30  # seconds
PING = 5.0  # seconds
RESTED = 1.0  # seconds without work, after which a connection is tried
ANSWER = 40.0  # seconds for one transaction
_CONTENDED = frozenset({"40001", "40P01", "55P03"})  # serialization_failure, deadlock_detected, lock_not_available
# Seconds, and milliseconds for the last one. A connection without an answer is given up after 20 seconds.
KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}


def engine_for(url: sa.URL, waits: "Waits", common: dict[str, Any]) -> sa.Engine:
    """An engine whose connections are tried before they are used again after a while. common: more words for
    create_engine."""
    asked = " ".join(f"-c {name}={seconds}s" for name, seconds in limits().items())
    given = url.query.get("options", "")
    options = {"options": f"{asked} {given}"} if isinstance(given, str) else {}
    connecting = {"connect_timeout": CONNECT, **KEEPALIVE, **options}
    password_file, url = url.query.get(PASSWORD_FILE), url.difference_update_query([PASSWORD_FILE])
    made = {**common, "connect_args": connecting, "pool_recycle": 1800, "pool_timeout": CONNECT}
    engine = sa.create_engine(url, **made, use_native_hstore=False)  # else each new connection asks for it, unbounded
    if isinstance(password_file, str):
        follow_password_file(engine, password_file)

    @sa.event.listens_for(engine, "checkin")
    def rested(_connection: Any, record: Any) -> None:
        record.info["since"] = monotonic()

    @sa.event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        if monotonic() - record.info.get("since", monotonic()) < RESTED:
            return
        with waits.bounded(connection.fileno(), PING):
            connection.pgconn.exec_(b"")
        if connection.pgconn.status:  # of libpq; 0: it stands
            raise InvalidatePoolError  # the others that have rested fare alike: none is waited for again

    @sa.event.listens_for(engine, "do_executemany")
    def execute(cursor: Any, statement: str, rows: Any, _context: Any) -> bool:
        """psycopg's pipeline ends with a Flush, after which the server's idle timer is off; a query turns it on."""
        cursor.executemany(statement, rows)
        cursor.connection.pgconn.exec_(b"")
        return True

    return engine


def is_contended(error: Exception) -> bool:
    """Whether a lock was not to be had in time, or two transactions waited for each other."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _CONTENDED


def limits() -> dict[str, int]:
    """The server's own limits of a connection, in seconds."""
    return {
        "lock_timeout": LOCK,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
        "statement_timeout": STATEMENT,
    }


def unlimited(connection: sa.Connection) -> None:
    """Without these limits until the transaction ends."""
    for name in limits():
        connection.exec_driver_sql(f"SET LOCAL {name} = 0")


def hurry(connection: sa.Connection) -> None:
    """Waits hardly for any lock until the transaction ends."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {HURRIED_LOCK}")


class Waits:
    """Cuts each connection whose time is over. Thread-safe; `close` ends its thread."""

    def __init__(self) -> None:
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._waiting: dict[socket.socket, tuple[float, float]] = {}  # when it was asked, when its answer is due
        self._thread = threading.Thread(target=self._watch, name="ledger-waits", daemon=True)
        self._thread.start()

    @contextmanager
    def bounded(self, descriptor: int, seconds: float) -> Iterator[None]:
        """The socket with this descriptor is shut down if the block takes longer: whoever reads from it gets an
        error."""
        held = socket.socket(fileno=os.dup(descriptor))  # the number may be another file's by the time
        with self._lock:
            self._waiting[held] = (now := monotonic()), now + seconds
        try:
            yield
        finally:
            with self._lock:
                self._waiting.pop(held, None)
            held.close()

    def answer(self, connection: sa.Connection, seconds: float) -> AbstractContextManager[None]:
        """As `bounded`, for a connection."""
        driver: Any = connection.connection.driver_connection
        return self.bounded(driver.fileno(), seconds)

    def cut(self, after: float) -> None:
        """Gives up every answer that has been waited for longer than `after` seconds, as after the server was away: its
        connections may be dead, and neither end knows."""
        now = monotonic()
        self._shut(asked_before=now - after, due_before=now)

    def close(self) -> None:
        self._closing.set()

    def _watch(self) -> None:
        while not self._closing.wait(0.5):
            self._shut(asked_before=-inf, due_before=monotonic())

    def _shut(self, *, asked_before: float, due_before: float) -> None:
        with self._lock:
            waiting = list(self._waiting.items())
            for held in [held for held, (asked, due) in waiting if asked < asked_before or due < due_before]:
                del self._waiting[held]
                with suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)

"""Opens the database, and turns its errors into those of faults.py. No other module does.

SQLite: write-ahead log, synchronous=FULL (a row that was acknowledged survives a power cut), every transaction that
writes begins IMMEDIATE, and our own threads take turns with a lock instead of getting SQLITE_BUSY.
PostgreSQL: as server.py says; rows are claimed with SKIP LOCKED.
"""

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from app.ledger import address, server
from app.ledger.faults import LedgerContended, LedgerUnavailable, LedgerUncertain, sentence

__all__ = [
    "BUSY_SECONDS",
    "Database",
    "LedgerContended",
    "LedgerUnavailable",
    "LedgerUncertain",
    "existing",
    "writable",
]

BUSY_SECONDS = 5
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
# A traceback in the log must not show the contents of rows.
_COMMON: dict[str, Any] = {"pool_use_lifo": True, "hide_parameters": True}


class Database:
    """The connections to one database.

    url: SQLAlchemy's, sqlite:///relative/or//absolute or postgresql+psycopg://…. exclusive: on SQLite no second service
    may open the same file. Raises LedgerUnavailable.
    """

    def __init__(self, url: str, *, exclusive: bool) -> None:
        with _opening(url):
            self.url = address.parsed(url)
            self.sqlite = _is_sqlite(self.url)
            self._lock_file = _locked(self.url.database) if self.sqlite and exclusive else None
            self.waits = None if self.sqlite else server.Waits()
            self.engine = _server(self.url, self.waits) if self.waits else _sqlite(self.url)
            self._apart = _server(self.url, self.waits, pool_size=1, max_overflow=0) if self.waits else self.engine
        self.owned = self._lock_file is not None
        self._reader = self.engine.execution_options(reads_only=True)
        self._turn: AbstractContextManager[object] = threading.Lock() if self.sqlite else nullcontext()

    @contextmanager
    def writing(self, within: float | None = None) -> Iterator[sa.Connection]:
        """A transaction, committed at the end of the block. within: seconds in which PostgreSQL has to answer.
        Raises LedgerUnavailable, of which LedgerUncertain alone says that it may be committed; IntegrityError passes
        through, because callers interpret it."""
        bounded = self._bounded(self.engine, within)
        with self._answering(), self._turn, bounded as connection, self._committing(connection):
            yield connection

    @contextmanager
    def upgrading(self) -> Iterator[sa.Connection]:
        """As writing, for as long as it takes."""
        with self._answering(), self._turn, self.engine.begin() as connection:
            if not self.sqlite:
                server.unlimited(connection)
            yield connection

    @contextmanager
    def reading(self, within: float | None = None) -> Iterator[sa.Connection]:
        """A connection for statements that only read. They never wait for a writer. within: as of `writing`. Raises
        LedgerUnavailable."""
        with self._answering(), self._bounded(self._reader, within) as connection:
            yield connection

    @contextmanager
    def _bounded(self, engine: sa.Engine, within: float | None = None) -> Iterator[sa.Connection]:
        """A connection that is cut if the server does not answer in time."""
        with engine.connect() as connection, self._answer_of(connection, within):
            try:
                yield connection
            finally:
                connection.close()  # its ROLLBACK waits for an answer, too

    def _answer_of(self, connection: sa.Connection, within: float | None) -> AbstractContextManager[None]:
        return self.waits.answer(connection, within or server.ANSWER) if self.waits else nullcontext()

    def apart(self) -> sa.Connection:
        """A connection that is nobody else's, on which each statement is a transaction. Raises SQLAlchemyError."""
        return self._apart.connect().execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _committing(self, connection: sa.Connection) -> Iterator[None]:
        over = False
        try:
            with connection.begin():
                yield
                over = True
        except SQLAlchemyError as error:
            if over and not self.sqlite:
                raise LedgerUncertain(sentence(self.url, error)) from error
            raise

    def require_file(self) -> None:
        """Raises LedgerUnavailable if the SQLite file was removed while open: rows could be written, and would be
        lost."""
        file = self.url.database
        if self.sqlite and file and not Path(file).exists():
            raise LedgerUnavailable(
                f"the database file {file} is gone while in use: put it back, or restart the service to begin anew"
            )

    def close(self) -> None:
        """Closes the connections and releases the lock file."""
        self.engine.dispose()
        self._apart.dispose()
        if self.waits:
            self.waits.close()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DataError as error:
            raise ValueError(f"the database cannot hold this: {error.orig}") from error
        except SQLAlchemyError as error:
            kind = LedgerContended if server.is_contended(error) else LedgerUnavailable
            raise kind(sentence(self.url, error)) from error


def existing(url: str) -> str:
    """The address of the same database for reading only: an SQLite file is neither made nor changed. Raises
    LedgerUnavailable when there is no such file."""
    with _opening(url):
        made = address.parsed(url)
        if not _is_sqlite(made):
            return url
    if not made.database or not Path(made.database).is_file():
        raise LedgerUnavailable(f"there is no database at {made.render_as_string(hide_password=True)}")
    file = sa.URL.create("sqlite", database=f"file:{quote(made.database)}", query={"mode": "ro", "uri": "true"})
    return file.render_as_string(hide_password=False)


def _is_sqlite(url: sa.URL) -> bool:
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ArgumentError(f"{backend} is not supported")
    return backend == "sqlite"


@contextmanager
def _opening(url: str) -> Iterator[None]:
    try:
        yield
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerUnavailable(
            f"{url.partition('://')[0]}://… is no database that can be used; "
            "write sqlite:///data/alertprof.db or postgresql+psycopg://…"
        ) from error
    except ModuleNotFoundError as error:
        raise LedgerUnavailable(
            f"the database's driver {error.name} is not installed; pip install 'alertprof[postgres]'"
        ) from error


def _sqlite(url: sa.URL) -> sa.Engine:
    # More connections than one service has threads at work; an idle one costs a file descriptor or two.
    engine = sa.create_engine(url, **_COMMON, pool_size=16, max_overflow=64, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "before_cursor_execute", _writable, retval=True)

    @sa.event.listens_for(engine, "connect")
    def connect(connection, _record) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        connection.isolation_level = None  # the driver begins no transaction by itself
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("reads_only"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _server(url: sa.URL, waits: server.Waits, **pool: int) -> sa.Engine:
    engine = server.engine_for(url, waits, _COMMON | pool)
    sa.event.listen(engine, "before_cursor_execute", _writable, retval=True)
    return engine


def _writable(
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
) -> tuple[str, Any]:
    """Replaces characters that a database's text cannot hold: NUL (PostgreSQL) and lone surrogates (no encoding). Both
    databases get the same text. In JSON both are escapes, and stay."""
    return statement, parameters if _is_plain(parameters) else _replaced(parameters)


def _is_plain(parameters: Any) -> bool:
    """Whether no text among them can have such a character; one look at all texts together is the quickest."""
    rows = parameters if isinstance(parameters, list) else [parameters]
    values = [value for row in rows for value in (row.values() if isinstance(row, dict) else row)]
    together = "".join([value for value in values if isinstance(value, str)])
    return together.isascii() and "\0" not in together


def _replaced(said: Any) -> Any:
    if isinstance(said, str):
        return writable(said)
    if isinstance(said, dict):
        return {name: _replaced(value) for name, value in said.items()}
    return type(said)(map(_replaced, said)) if isinstance(said, list | tuple) else said


def writable(text: str) -> str:
    """The text as a database keeps it."""
    return _UNWRITABLE.sub("\ufffd", text) if not text.isascii() or "\0" in text else text


def _locked(database: str | None) -> int:
    """A lock file; the kernel releases the lock however the process ends."""
    path = Path(f"{Path(database or '').resolve()}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LedgerUnavailable(
            f"{path} cannot be made: {error.strerror}; give the service a directory it may write"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise LedgerUnavailable(
            f"another alertprof serves {database} already; stop it, give this one its own storage.database, "
            "or let both use PostgreSQL"
        ) from error
    return lock

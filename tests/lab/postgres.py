"""A throwaway PostgreSQL, where its server is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


class NoPostgres(Exception):
    """Says what is missing."""


class Postgres:
    """A server on a unix socket in `folder`, and on a port of 127.0.0.1 if one is given. Everybody is let in."""

    def __init__(self, programs: Path, folder: Path, port: int | None) -> None:
        self._programs, self._data, self._user = programs, folder / "data", _user()
        self.url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
        listen = f"-c listen_addresses=127.0.0.1 -p {port}" if port else "-c listen_addresses=''"
        self._options = f"{listen} -k {folder} -c fsync=off -c deadlock_timeout=100ms"
        self.url += f"&port={port}" if port else ""
        self._log = folder / "log"

    def start(self) -> None:
        """Makes the cluster. The log may hold its last words when this fails."""
        if self._user:
            shutil.chown(self._data.parent, user=self._user)
        words = ("--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8")
        _run(self._user, self._programs / "initdb", *words, "-D", self._data)
        self._control("start", "--wait", "-l", self._log, "-o", self._options)

    def restart(self) -> None:
        """In immediate mode: as after a crash, it recovers from its log before it lets anybody in."""
        self._control("restart", "--wait", "-m", "immediate", "-l", self._log)

    def stop(self) -> None:
        self._control("stop", "--wait", "-m", "immediate")

    def _control(self, *words: object) -> None:
        _run(self._user, self._programs / "pg_ctl", *words, "-D", self._data)


@contextmanager
def cluster(port: int | None = None) -> Iterator[Postgres]:
    """A server that runs, database `postgres`. Raises NoPostgres."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not servers:
        raise NoPostgres("no PostgreSQL server in /usr/lib/postgresql/*/bin: apt-get install postgresql")
    if find_spec("psycopg") is None:
        raise NoPostgres("psycopg is not installed: uv sync --extra postgres")
    # Not pytest's folder: a socket's path may have 107 bytes, and the server's user must reach it.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Postgres(servers[-1], Path(folder), port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server of one's own, for SQLAlchemy. Raises NoPostgres."""
    with cluster() as server:
        yield server.url


def _user() -> str | None:
    """PostgreSQL refuses to run as root; its package makes a user for it."""
    return "postgres" if os.geteuid() == 0 else None


def _run(user: str | None, *command: object) -> None:
    # Not captured by a pipe: the server inherits it and would keep it open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(word) for word in command], stdout=said, stderr=said, user=user, cwd="/", check=False
        )
        said.seek(0)
        assert done.returncode == 0, said.read().decode()

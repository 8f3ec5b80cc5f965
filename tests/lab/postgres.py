"""A throwaway PostgreSQL on a unix socket, where its server is installed."""

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


@contextmanager
def postgres() -> Iterator[str]:
    """The server's URL for SQLAlchemy, database `postgres`. Raises NoPostgres."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not servers:
        raise NoPostgres("no PostgreSQL server in /usr/lib/postgresql/*/bin: apt-get install postgresql")
    if find_spec("psycopg") is None:
        raise NoPostgres("psycopg is not installed: uv sync --extra postgres")
    # Not pytest's folder: a socket's path may have 107 bytes, and the server's user must reach it.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        yield from _server(servers[-1], Path(folder))


def _server(programs: Path, folder: Path) -> Iterator[str]:
    user = _user()
    if user:
        shutil.chown(folder, user=user)
    data = folder / "data"
    _run(user, programs / "initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "-D", data)
    options = f"-c listen_addresses='' -k {folder} -c fsync=off -c deadlock_timeout=100ms"
    _run(user, programs / "pg_ctl", "start", "--wait", "-D", data, "-l", folder / "log", "-o", options)
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
    finally:
        _run(user, programs / "pg_ctl", "stop", "--wait", "-m", "immediate", "-D", data)


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

"""A throwaway PostgreSQL on a port of 127.0.0.1, with TLS, which lets in whom pg_hba.conf says."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import ports
from tests.lab.postgres import NoPostgres, _run, _user
from tests.unit.web.certificates import Authority


@contextmanager
def guarded(authority: Authority, rules: str) -> Iterator[tuple[str, int]]:
    """The URL of its owner, over a unix socket, and the port. It shows the authority's certificate `server`. rules: of
    pg_hba.conf. Raises NoPostgres."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not servers:
        raise NoPostgres("no PostgreSQL server in /usr/lib/postgresql/*/bin: apt-get install postgresql")
    programs, user, port = servers[-1], _user(), ports.free()
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        data = folder / "data"
        _owned(folder, user)
        _run(user, programs / "initdb", "--username=postgres", "--no-sync", "--encoding=UTF8", "-D", data)
        for file in (authority.file, authority.folder / "server.pem", authority.folder / "server.key"):
            _owned(Path(shutil.copyfile(file, folder / file.name)), user, 0o600)
        (data / "pg_hba.conf").write_text(rules)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"listen_addresses='127.0.0.1'\nport={port}\nunix_socket_directories='{folder}'\nfsync=off\nssl=on\n"
                f"ssl_ca_file='{folder}/{authority.file.name}'\nssl_cert_file='{folder}/server.pem'\n"
                f"ssl_key_file='{folder}/server.key'\n"
            )
        control = (user, programs / "pg_ctl", "--wait", "-D", data)
        _run(*control, "start", "-l", folder / "log")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}&port={port}", port
        finally:
            _run(*control, "stop", "-m", "immediate")


def _owned(path: Path, user: str | None, mode: int = 0o700) -> None:
    path.chmod(mode)
    if user:
        shutil.chown(path, user=user)

"""Logins to PostgreSQL: passwords from files and elsewhere, certificates, and what is said to those it refuses."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from app.config import file as shape
from app.config.settings import database
from app.ledger.ledger import Filter, Ledger, LedgerUnavailable
from app.ledger.migrations.applied import applied
from tests.lab.postgres import NoPostgres
from tests.lab.postgres_logins import guarded
from tests.unit.ledger.builders import admission
from tests.unit.web.certificates import Authority

PASSWORD = "p@ss/w%41rd:#?"
RULES = """
local all postgres trust
hostssl ledger certified 127.0.0.1/32 cert
hostnossl ledger certified 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    for name in ("server", "certified", "somebody"):
        made.issue(name, "DNS:localhost")
    return made


class Server:
    def __init__(self, owner: str, port: int) -> None:
        self.at, self._owner = f"localhost:{port}/ledger", sa.create_engine(owner, isolation_level="AUTOCOMMIT")
        for user in ("alertprof", "certified"):
            self.say(f"CREATE ROLE {user} LOGIN SUPERUSER")
        self.say("CREATE DATABASE ledger")
        self.change_password(PASSWORD)

    def say(self, statement: str) -> None:
        with self._owner.connect() as connection:
            connection.exec_driver_sql(statement.replace("%", "%%"))

    def change_password(self, to: str) -> None:
        self.say(f"ALTER ROLE alertprof PASSWORD '{to}'")

    def url(self, query: str = "", login: str = "alertprof") -> str:
        return f"postgresql+psycopg://{login}@{self.at}?{query}"


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    try:
        with guarded(authority, RULES) as started:
            made = Server(*started)
            applied(made.url(login=f"alertprof:{quote(PASSWORD, safe='')}"))
            yield made
            made._owner.dispose()
    except NoPostgres as reason:
        pytest.skip(f"logins to PostgreSQL are NOT tested: {reason}")


def asks(url: str) -> None:
    """Opens the ledger and asks it something. Raises LedgerUnavailable."""
    with closing(Ledger(url, decide=admission())) as ledger:
        ledger.find(Filter())


def test_a_password_comes_from_a_file_which_is_read_anew_for_each_connection(server: Server, tmp_path: Path) -> None:
    (secret := tmp_path / "50% of @ secrets").write_text(f"{PASSWORD}\n")
    written = {"database": server.url("sslmode=disable"), "database_password_file": secret.name}
    url = database(shape.Storage.model_validate(written, context={"folder": tmp_path})) or ""
    with closing(Ledger(url, decide=admission())) as ledger:
        assert ledger.find(Filter()).captures == ()
        server.change_password("another")
        secret.write_text("another")
        server.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'alertprof'")
        with pytest.raises(LedgerUnavailable):
            ledger.find(Filter())
        assert ledger.find(Filter()).captures == ()
    secret.write_text("geheim")
    with pytest.raises(LedgerUnavailable, match=r'user "alertprof"\): correct the password, in the file') as refused:
        asks(url)
    assert "geheim" not in str(refused.value)
    secret.unlink()
    with pytest.raises(LedgerUnavailable, match=r"secrets cannot be read: No such file.*database_password_file name"):
        asks(url)
    server.change_password(PASSWORD)


def test_a_password_in_the_environment_in_a_passfile_or_in_the_address_is_taken_too(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for query in ("", "passfile=/dev/null"):
        with pytest.raises(LedgerUnavailable, match=r"no password supplied.*storage\.database_password_file"):
            asks(server.url(query))
    (passfile := tmp_path / "pgpass").write_text("*:*:*:*:" + PASSWORD.replace(":", "\\:") + "\n")
    passfile.chmod(0o600)
    asks(server.url(f"passfile={passfile}"))
    asks(server.url(f"password={quote(PASSWORD, safe='')}"))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    asks(server.url())


def test_a_server_is_believed_only_with_a_certificate_of_our_authority_and_of_its_name(
    server: Server, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    stranger = Authority(tmp_path).file
    verified = "sslmode=verify-full&sslrootcert="
    asks(server.url(f"{verified}{authority.file}"))
    for query, said in (
        (f"{verified}{stranger}", r"certificate verify failed.*sslrootcert in storage\.database has to name the CA"),
        (f"{verified}{tmp_path}/none", r"root certificate file.*does not exist.*has to name a file with the CA"),
        (f"{verified}{authority.file}&host=127.0.0.1", r"does not match host name.*name the host in storage\.database"),
    ):
        with pytest.raises(LedgerUnavailable, match=said) as refused:
            asks(server.url(query))
        assert PASSWORD not in str(refused.value)


def test_a_clients_certificate_opens_and_a_missing_or_another_ones_does_not(
    server: Server, authority: Authority
) -> None:
    def shows(name: str) -> str:
        return f"sslmode=require&sslcert={authority.folder}/{name}.pem&sslkey={authority.folder}/{name}.key"

    asks(server.url(shows("certified"), "certified"))
    with pytest.raises(LedgerUnavailable, match=r"certificate authentication failed.*has to be the user's"):
        asks(server.url(shows("somebody"), "certified"))
    with pytest.raises(LedgerUnavailable, match=r"valid client certificate.*sslcert and sslkey"):
        asks(server.url("sslmode=require", "certified"))
    key = authority.folder / "certified.key"
    key.chmod(0o644)
    with pytest.raises(LedgerUnavailable, match=r"private key file.*with mode 0600"):
        asks(server.url(shows("certified"), "certified"))


def test_of_replicas_that_migrate_at_once_one_does_it_and_the_others_wait(server: Server, tmp_path: Path) -> None:
    server.say("CREATE DATABASE fresh")
    (tmp_path / "secret").write_text(PASSWORD)
    (config := tmp_path / "alertprof.yml").write_text(
        f"storage: {{database: '{server.url().replace('/ledger?', '/fresh')}', database_password_file: secret}}\n"
    )
    command = [sys.executable, "-m", "app", "migrate", f"--config.file={config}"]
    replicas = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    said = sorted((each.communicate(timeout=120)[0].decode() for each in replicas), key=len)
    assert [each.returncode for each in replicas] == [0, 0], said
    newest = int(re.findall(r"up to date: (\d+)_", said[1])[0])
    assert [text.count("applied") for text in said] == [0, newest]
    assert PASSWORD not in "".join(said)

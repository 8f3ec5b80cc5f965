"""What the database refuses leaves the package as one sentence with its remedy, and nothing half-written stays."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.ledger import database
from app.ledger.ledger import Filter, Ledger, LedgerUnavailable
from app.model import State
from tests.unit.ledger.builders import LEASE, ME, NOON, admission, firing, manual, sqlite


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    ledger = sqlite(tmp_path)
    yield ledger
    ledger.close()


def pragma(ledger: Ledger, statement: str) -> None:
    """On every connection from now on."""
    engine = ledger._database.engine
    engine.dispose()
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute(statement))


def test_a_locked_database_fails_the_delivery_and_takes_it_when_free_again(ledger: Ledger, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refusal = ledger.receive([firing()]).exception(9)
    assert isinstance(refusal, LedgerUnavailable)
    assert "ledger.db is not available (database is locked): another program holds it" in str(refusal)
    with pytest.raises(LedgerUnavailable, match="locked"):
        ledger.claim(NOON, ME, LEASE)
    other.execute("ROLLBACK")
    other.close()
    assert len(ledger.receive([firing()]).result(60).created) == 1


def test_readers_do_not_wait_for_a_writer(ledger: Ledger, tmp_path: Path) -> None:
    ledger.create(manual(1))
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert ledger.get(manual(1).id) is not None
    assert ledger.counts()[State.PENDING] == 1
    other.close()


def test_a_full_disk_records_nothing_of_a_delivery(ledger: Ledger) -> None:
    pragma(ledger, "PRAGMA max_page_count=1")
    many = [firing(f"f{number}", filler="x" * 5000) for number in range(50)]
    refusal = ledger.receive(many).exception(9)
    assert isinstance(refusal, LedgerUnavailable)
    assert "free some space" in str(refusal)
    assert ledger.find(Filter()).captures == ()


def test_a_read_only_database_is_read_and_says_why_it_is_not_written(ledger: Ledger) -> None:
    ledger.create(manual(1))
    pragma(ledger, "PRAGMA query_only=1")
    with pytest.raises(LedgerUnavailable, match="may not be written"):
        ledger.create(manual(2))
    assert ledger.get(manual(1).id) is not None


def test_a_file_that_is_no_database_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database " * 1000)
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db", decide=admission())
    with pytest.raises(LedgerUnavailable, match="restore a backup"):
        ledger.migrate()
    ledger.close()


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db", decide=admission())
    with pytest.raises(LedgerUnavailable, match=r"nowhere/ledger\.db is not available"):
        ledger.counts()
    ledger.close()


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    ledger = Ledger("postgresql+psycopg://u:secret@127.0.0.1:1/x", decide=admission())
    with pytest.raises(LedgerUnavailable) as refusal:
        ledger.counts()
    assert "127.0.0.1:1/x is not available" in str(refusal.value)
    assert "secret" not in str(refusal.value)
    ledger.close()


@pytest.mark.parametrize("url", ["mysql://u:secret@h/x", "nonsense", "sqlite+nothing:///x"])
def test_what_is_no_database_of_ours_is_refused_with_the_ones_there_are(url: str) -> None:
    with pytest.raises(LedgerUnavailable, match="write sqlite:///") as refusal:
        Ledger(url, decide=admission())
    assert "secret" not in str(refusal.value)


def test_a_closed_ledger_takes_no_delivery_and_has_written_those_before(tmp_path: Path) -> None:
    ledger = sqlite(tmp_path)
    futures = [ledger.receive([firing(f"f{number}")]) for number in range(20)]
    ledger.close()
    assert all(len(future.result(0).created) == 1 for future in futures)
    assert isinstance(ledger.receive([firing()]).exception(9), LedgerUnavailable)


def test_a_delivery_that_nobody_waits_for_any_more_does_not_stop_the_inbox(ledger: Ledger, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    held, given_up = ledger.receive([firing("held")]), ledger.receive([firing("given-up")])
    given_up.cancel()
    other.close()
    held.exception(9)
    assert len(ledger.receive([firing("next")]).result(60).created) == 1

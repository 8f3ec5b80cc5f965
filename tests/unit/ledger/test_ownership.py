"""One service owns an SQLite file, and knows after a restart that whoever held a lease is dead."""

from pathlib import Path

import pytest

from app.ledger.ledger import Ledger, LedgerUnavailable
from tests.unit.ledger.builders import LEASE, ME, NOON, admission, manual, sqlite


def test_a_second_service_on_the_same_file_is_refused(tmp_path: Path) -> None:
    first = sqlite(tmp_path, exclusive=True)
    with pytest.raises(LedgerUnavailable, match=r"another alertprof serves .*ledger\.db already"):
        sqlite(tmp_path, exclusive=True)
    first.close()


def test_the_file_is_free_when_its_owner_has_closed_it(tmp_path: Path) -> None:
    sqlite(tmp_path, exclusive=True).close()
    sqlite(tmp_path, exclusive=True).close()


def test_whoever_does_not_want_to_own_the_file_may_look_into_it(tmp_path: Path) -> None:
    owner = sqlite(tmp_path, exclusive=True)
    owner.create(manual(1))
    guest = sqlite(tmp_path)
    assert guest.get(manual(1).id) is not None
    guest.close()
    owner.close()


def test_the_owner_takes_up_at_once_what_a_dead_service_held(tmp_path: Path) -> None:
    dead = sqlite(tmp_path)
    dead.create(manual(1))
    assert dead.claim(NOON, "dead", LEASE)
    dead.close()
    owner = sqlite(tmp_path, exclusive=True)
    assert owner.claim(NOON, ME, LEASE)
    owner.close()


def test_a_guest_leaves_the_leases_as_they_are(tmp_path: Path) -> None:
    owner = sqlite(tmp_path, exclusive=True)
    owner.create(manual(1))
    assert owner.claim(NOON, ME, LEASE)
    guest = sqlite(tmp_path)
    assert guest.claim(NOON, "guest", LEASE) is None
    guest.close()
    owner.close()


def test_the_owner_makes_the_directory_of_its_file(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/new/data/ledger.db", decide=admission(), exclusive=True)
    ledger.migrate()
    assert (tmp_path / "new/data/ledger.db").exists()
    ledger.close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnavailable, match=r"ledger.db.lock cannot be made"):
        Ledger(f"sqlite:///{tmp_path}/file/ledger.db", decide=admission(), exclusive=True)


def test_an_acknowledged_row_survives_a_power_cut_as_far_as_sqlite_can_promise_it(tmp_path: Path) -> None:
    ledger = sqlite(tmp_path)
    with ledger._database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "2 is FULL"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    ledger.close()

"""Files without a row: which of them go, and what stays whatever happened."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.captures import orphans
from app.captures.orphans import AGE, EVERY, Orphans, OthersStore
from app.ledger.ledger import Ledger
from app.ledger.prearms import PreArm
from app.stores import Directory
from tests.unit.ledger.builders import NOON, manual, sqlite

KNOWN, PENDING, GONE, ALSO_GONE = (f"00000000-0000-0000-0000-00000000000{n}" for n in range(1, 5))
DAYS = AGE * 3


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = sqlite(tmp_path)
    made.create(manual(1))
    assert made.prearms.begin(PreArm(PENDING, "key", NOON, NOON))
    yield made
    made.close()


class Waiting(Directory):
    """A store whose clock can be put forward."""

    waited = timedelta()

    def time(self) -> datetime:
        return super().time() + self.waited


class Replica:
    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.store, self.now = Waiting(folder / "artifacts"), NOON
        self.orphans = Orphans(ledger.sweeps, self.store, lambda: self.now)
        self.source = folder / "source"
        self.source.write_bytes(b"the profile")

    def put(self, *ids: str, name: str = "cpu") -> None:
        for id_ in ids:
            self.store.put(f"{id_}/{name}", self.source)

    def wait(self, length: timedelta) -> None:
        self.store.waited += length
        self.now += length

    def kept(self) -> set[str]:
        return {entry.key.partition("/")[0] for page in self.store.listed("") for entry in page}


@pytest.fixture
def replica(ledger: Ledger, tmp_path: Path) -> Replica:
    """Its store is marked, and has four files, two of them without a row."""
    made = Replica(ledger, tmp_path)
    made.orphans.mark()
    made.put(KNOWN, PENDING, GONE, ALSO_GONE)
    return made


def test_a_file_without_a_row_goes_once_it_is_a_day_old_and_what_has_a_row_stays(replica: Replica) -> None:
    assert replica.orphans.run() == 0
    replica.wait(DAYS)
    young = replica.store.time().timestamp()
    os.utime(replica.store.path(f"{ALSO_GONE}/cpu"), (young, young))
    assert replica.orphans.run() == 1
    assert replica.kept() == {KNOWN, PENDING, ALSO_GONE}
    replica.wait(DAYS)
    assert replica.orphans.run() == 1
    assert replica.kept() == {KNOWN, PENDING}
    assert not replica.store.path(GONE).exists()


def test_what_is_not_named_as_a_capture_is_nobodys_orphan(replica: Replica) -> None:
    replica.put("lost+found")
    replica.wait(DAYS)
    assert replica.orphans.run() == 2
    assert replica.kept() == {KNOWN, PENDING, "lost+found"}


def test_what_lay_there_before_the_store_was_marked_stays(replica: Replica) -> None:
    long_ago = (replica.store.time() - DAYS).timestamp()
    os.utime(replica.store.path(f"{GONE}/cpu"), (long_ago, long_ago))
    replica.wait(DAYS)
    replica.orphans.run()
    assert replica.kept() == {KNOWN, PENDING, GONE}


def test_one_replica_sweeps_in_an_hour_and_goes_on_where_the_last_one_stopped(
    replica: Replica, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "MOST", 1)
    monkeypatch.setattr("app.stores.directory.PAGE", 1)
    other = Replica(ledger, tmp_path)
    for each in (replica, other):
        each.wait(DAYS)
    removed = []
    for turn in range(5):
        removed.append((replica if turn % 2 else other).orphans.run())
        assert replica.orphans.run() == other.orphans.run() == 0, "it was done within the hour"
        for each in (replica, other):
            each.wait(EVERY)
    assert removed == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("mark", ["another ledger's", b"{}", b"[1]", b'{"ledger": 1, "since": "?"}', b"\xff"])
def test_the_store_of_another_ledger_is_left_alone_and_says_whose_it_is(
    replica: Replica, tmp_path: Path, mark: bytes | str
) -> None:
    (folder := tmp_path / "other").mkdir()
    other = sqlite(folder)
    if isinstance(mark, bytes):
        replica.store.set_mark(mark)
    twin = Orphans(other.sweeps, replica.store, lambda: NOON)
    replica.wait(DAYS)
    with pytest.raises(OthersStore, match=r"artifacts belongs to another alertprof.*storage\.artifacts name a place"):
        twin.run()
    assert replica.kept() == {KNOWN, PENDING, GONE, ALSO_GONE}
    with capture_logs() as logs:
        twin.start()  # as after the database was moved away
    twin.stop()
    assert [line["event"] for line in logs] == ["files without a row are not looked for now"]
    replica.store.remote = True
    with pytest.raises(OthersStore):
        Orphans(other.sweeps, replica.store, lambda: NOON).start()
    other.close()


def test_a_ledger_that_was_restored_from_a_backup_removes_nothing_that_it_has_forgotten(
    replica: Replica, ledger: Ledger, tmp_path: Path
) -> None:
    ledger.close()
    backup = (tmp_path / "ledger.db").read_bytes()
    later = sqlite(tmp_path)
    Orphans(later.sweeps, replica.store, lambda: replica.now).run()
    later.create(manual(3))  # GONE has a row now
    later.close()
    (tmp_path / "ledger.db").write_bytes(backup)

    restored = sqlite(tmp_path)
    of_restored = Orphans(restored.sweeps, replica.store, lambda: replica.now)
    for _ in range(3):
        replica.wait(DAYS)
        with capture_logs() as logs:
            assert of_restored.run() == 0
    assert replica.kept() == {KNOWN, PENDING, GONE, ALSO_GONE}
    assert logs == [], "it is said once"
    restored.close()


@pytest.mark.parametrize("forgotten", [True, False])
def test_a_ledger_that_was_restored_before_the_next_sweep_removes_nothing_either(
    replica: Replica, ledger: Ledger, tmp_path: Path, forgotten: bool
) -> None:
    replica.orphans.run()
    if not forgotten:
        ledger.create(manual(5))
    ledger.close()
    backup = (tmp_path / "ledger.db").read_bytes()
    (later := sqlite(tmp_path)).create(manual(3))  # GONE has a row now
    later.close()
    (tmp_path / "ledger.db").write_bytes(backup)

    restored = sqlite(tmp_path)
    of_restored = Orphans(restored.sweeps, replica.store, lambda: replica.now)
    of_restored.start()
    restored.create(manual(6))
    removed = 0
    for _ in range(3):
        replica.wait(DAYS)
        removed += of_restored.run()
    of_restored.stop()
    assert removed == (0 if forgotten else 2)
    assert (replica.kept() >= {GONE, ALSO_GONE}) is forgotten
    restored.close()


def test_a_replica_whose_clock_ran_ahead_does_not_end_the_sweeps_of_all(replica: Replica) -> None:
    replica.now = NOON + AGE * 1000
    replica.orphans.run()
    replica.now = NOON
    replica.store.waited = DAYS
    assert replica.orphans.run() == 2

"""What is kept: the oldest goes first, never what is pinned or still under way, and an error stops nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.captures.retention import Policy, clear, expendable
from app.ledger.ledger import Ledger, Stored
from app.model import Artifact, Kind, Target
from app.stores import Directory
from tests.unit.ledger.builders import LEASE, ME, NOON, completed, manual, recording, sqlite

HOUR = timedelta(hours=1)


def stored(
    number: int, *, hours_ago: float = 1, service: str = "orders", pinned: bool = False, size: int = 10
) -> Stored:
    return Stored(str(number), NOON - HOUR * hours_ago, service, pinned, size)


def going(policy: Policy, *rows: Stored) -> list[str]:
    return [row.id for row in expendable(rows, policy, NOON)]


def kept(store: Directory) -> set[str]:
    return {folder.name for folder in store.path("").iterdir() if not folder.name.startswith(".")}


def test_nothing_goes_without_bounds() -> None:
    assert going(Policy(), stored(1, hours_ago=9999, size=1 << 40)) == []


def test_what_is_older_than_the_age_goes_and_nothing_younger() -> None:
    rows = [stored(1, hours_ago=49), stored(2, hours_ago=47)]
    assert going(Policy(max_age=48 * HOUR), *rows) == ["1"]


def test_the_oldest_go_until_the_rest_fits() -> None:
    rows = [stored(n, hours_ago=10 - n, size=10) for n in range(5)]
    assert going(Policy(max_bytes=25), *rows) == ["0", "1", "2"]
    assert going(Policy(max_bytes=50), *rows) == []


def test_each_service_keeps_its_newest() -> None:
    rows = [
        stored(1, hours_ago=5),
        stored(2, hours_ago=4, service="mq"),
        stored(3, hours_ago=3),
        stored(4, hours_ago=2),
    ]
    assert going(Policy(max_per_service=2), *rows) == ["1"]


def test_what_belongs_to_an_alert_that_still_fires_goes_for_its_age_alone() -> None:
    row = replace(stored(1, hours_ago=9, size=100), current=True)
    assert going(Policy(max_bytes=50), row) == going(Policy(max_per_service=0), row) == []
    assert going(Policy(max_age=HOUR), row) == ["1"]


def test_rows_that_never_found_a_service_do_not_push_each_other_out() -> None:
    assert going(Policy(max_per_service=1), *(stored(n, service="") for n in range(3))) == []


def test_what_is_pinned_stays_and_the_next_oldest_goes_instead() -> None:
    rows = [stored(1, hours_ago=99, pinned=True), stored(2, hours_ago=50), stored(3)]
    assert going(Policy(max_age=48 * HOUR, max_bytes=20), *rows) == ["2"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = sqlite(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "artifacts")


def keep(ledger: Ledger, store: Directory, tmp_path: Path, number: int, *, ended: bool = True) -> str:
    """A capture with one file of 100 bytes, in the ledger and in the store."""
    ledger.create(manual(number))
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100)
    store.put(f"{claim.capture.id}/cpu", source)
    whole = replace(
        recording(claim.capture, pid=number + 100),
        artifacts=(Artifact("cpu", Kind.CPU, 100, "00"),),
        target=Target("h", number, "orders"),
    )
    ledger.release(claim, completed(whole, NOON + timedelta(seconds=number)) if ended else whole)
    return claim.capture.id


def test_a_capture_goes_whole_and_one_under_way_stays(ledger: Ledger, store: Directory, tmp_path: Path) -> None:
    running = keep(ledger, store, tmp_path, 1, ended=False)
    old, pinned, new = (keep(ledger, store, tmp_path, n) for n in (2, 3, 4))
    ledger.pin(pinned, True)
    removed: list[int] = []
    clear(ledger, store, Policy(max_bytes=250), NOON + HOUR, removed.append)
    assert (removed, kept(store)) == ([100], {running, pinned, new})
    assert ledger.get(old) is None and ledger.get(running)


def test_an_error_with_one_capture_does_not_keep_the_others(
    ledger: Ledger, store: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (keep(ledger, store, tmp_path, n) for n in (1, 2))
    remove = store.delete_all

    def stubborn(capture_id: str) -> None:
        if capture_id == first:
            raise OSError("input/output error")
        remove(capture_id)

    monkeypatch.setattr(store, "delete_all", stubborn)
    clear(ledger, store, Policy(max_age=timedelta(0)), NOON + HOUR, lambda size: None)
    assert kept(store) == {first}
    assert ledger.get(second) is None

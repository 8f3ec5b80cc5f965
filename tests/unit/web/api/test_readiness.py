"""Whether alerts can be taken and files come home, on a real database and a real folder that something happens to."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

from app.ledger.ledger import Ledger
from app.stores import Directory
from app.web.api import readiness as module
from app.web.api.readiness import Readiness
from tests.unit.ledger.builders import NOON, sqlite


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = sqlite(tmp_path)
    yield made
    made.close()


@pytest.fixture
def readiness(ledger: Ledger, tmp_path: Path) -> Readiness:
    return Readiness(ledger, Directory(tmp_path / "artifacts"), lambda: NOON)


def test_it_is_ready_while_both_can_be_written_and_leaves_nothing_behind(readiness: Readiness, tmp_path: Path) -> None:
    assert [readiness.obstacle() for _ in range(2)] == [None, None]
    left = [file for file in (tmp_path / "artifacts").rglob("*") if file.is_file()]
    assert [file.suffix for file in left] == [".lock"], "that of this service's life"


def test_a_store_that_is_gone_is_named_and_not_made_again_but_taken_when_it_is_back(
    readiness: Readiness, tmp_path: Path
) -> None:
    folder = tmp_path / "artifacts"
    shutil.rmtree(folder)
    for _ in range(2):
        assert f"the store {folder} cannot be written (No such file or directory): it is gone" in said(readiness)
    folder.mkdir()
    assert readiness.obstacle() is None


def test_a_file_in_the_stores_place_is_named(readiness: Readiness, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    folder.rename(tmp_path / "aside")
    folder.write_text("a file")
    assert f"the store {folder} cannot be written (Not a directory): something else has its place" in said(readiness)
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    assert readiness.obstacle() is None


def test_a_store_that_cannot_be_made_at_the_start_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match=r"artifacts cannot be written .Not a directory.: something else has its place"):
        Directory(tmp_path / "file" / "artifacts")


def test_a_database_that_was_removed_is_named_until_it_is_put_back(readiness: Readiness, tmp_path: Path) -> None:
    files = list(tmp_path.glob("ledger.db*"))
    for file in files:
        file.rename(tmp_path / f"aside-{file.name}")
    assert f"the database file {tmp_path / 'ledger.db'} is gone" in said(readiness)
    for file in files:
        (tmp_path / f"aside-{file.name}").rename(file)
    assert readiness.obstacle() is None


def test_a_database_that_takes_nothing_is_named_until_it_does(readiness: Readiness, ledger: Ledger) -> None:
    on_each_connection(ledger, "query_only=1")
    assert "readonly database): it may not be written" in said(readiness)
    on_each_connection(ledger, "query_only=0")
    assert readiness.obstacle() is None


def said(readiness: Readiness) -> str:
    return readiness.obstacle() or "nothing"


def on_each_connection(ledger: Ledger, pragma: str) -> None:
    engine = ledger._database.engine
    engine.dispose()
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))


@pytest.mark.parametrize("silent", ["database", "store"])
def test_what_does_not_answer_is_named_within_seconds_and_asked_once_however_many_want_to_know(
    readiness: Readiness, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    answers, asked = Event(), []

    def wait(*_: object) -> None:
        asked.append(silent)
        answers.wait(60)

    monkeypatch.setattr(module, "WITHIN", 0.05)
    owner = readiness._ledger if silent == "database" else readiness._store
    with monkeypatch.context() as patch:
        patch.setattr(owner, "prove" if silent == "database" else "refusal", wait)
        assert said(readiness) == f"the {silent} has not answered for 0.05 s: see that it does"
        assert said(readiness) == f"the {silent} has not answered for 0.05 s: see that it does"
        assert asked == [silent]
    answers.set()
    monkeypatch.setattr(module, "WITHIN", 30.0)
    readiness.obstacle()
    assert readiness.obstacle() is None


def test_alerts_that_wait_to_be_recorded_are_told(readiness: Readiness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness._ledger, "held_up", lambda: 7.2)
    assert "alerts have been waiting for 7 s to be recorded" in said(readiness)
    monkeypatch.setattr(readiness._ledger, "held_up", lambda: 0.2)
    assert readiness.obstacle() is None

"""kill -9 of a writing service: what was acknowledged is there, and what it held is taken up at once."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.ledger.ledger import Ledger
from app.model import Step
from tests.unit.ledger.builders import LEASE, ME, admission

ROOT = Path(__file__).parents[2]
KILLED_AFTER = (1, 57, 250, 600, 1100)  # acknowledged lines


def killed(url: str, name: str, after: int, word: str = "") -> list[list[str]]:
    """What it said until it was killed after so many lines, one of them with this word. Whole lines only: what a dying
    process had half said was not acknowledged."""
    command = [sys.executable, "-m", "tests.integration.ledger_writer", url, name]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(after)]
    while word not in "".join(said):
        said.append(writer.stdout.readline())
    writer.kill()
    said += writer.stdout.readlines()
    assert writer.wait(60) == -9
    return [line.split() for line in said if line.endswith("\n")]


def test_no_acknowledged_row_is_lost_by_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    said: list[list[str]] = []
    for round_, after in enumerate(KILLED_AFTER):
        said += killed(url, f"round{round_}", after, "saved" if after == max(KILLED_AFTER) else "")
        assert sqlite3.connect(tmp_path / "ledger.db").execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    ledger = Ledger(url, decide=admission())
    rows = {id_: ledger.get(id_) for _, id_ in said}
    assert len(said) >= sum(KILLED_AFTER)
    assert [id_ for what, id_ in said if rows[id_] is None] == []
    saved = [rows[id_] for what, id_ in said if what == "saved"]
    assert saved
    assert {row.step for row in saved if row} == {Step.START}
    ledger.close()


def test_what_a_killed_service_held_is_claimed_as_soon_as_the_next_owns_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    said = killed(url, "held", 100, "saved")
    guest, now = Ledger(url, decide=admission()), datetime.now(UTC)
    held = next(id_ for what, id_ in said if what == "saved")
    while (claim := guest.claim(now, "guest", LEASE)) is not None:
        assert claim.capture.id != held, "its lease of an hour still runs"
    guest.close()
    owner = Ledger(url, decide=admission(), exclusive=True)
    owner.migrate()
    taken = set()
    while (claim := owner.claim(now, ME, timedelta(hours=1))) is not None:
        taken.add(claim.capture.id)
    assert held in taken
    owner.close()

"""Alerts, captures and ledgers for tests: only what a test is about has to be said."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from app.intake.admission import decide
from app.intake.rules import Rule, first_match
from app.ledger.ledger import Decide, Ledger
from app.model import Alert, Capture, ProcessId, State, Step, Target, Trigger

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
ME = "me"


def ids() -> Callable[[], str]:
    """Ids that sort by the time they were made, like UUIDv7."""
    numbers = count(1)
    return lambda: str(UUID(int=next(numbers)))


def admission(rules: Sequence[Rule] = (), new_id: Callable[[], str] | None = None) -> Decide:
    return partial(decide, match=partial(first_match, rules), tried=len(rules), new_id=new_id or ids())


def sqlite(folder: Path, **options: Any) -> Ledger:
    url = f"sqlite:///{folder}/ledger.db"
    ledger = Ledger(url, **{"decide": admission(), "clock": lambda: NOON, **options})
    ledger.migrate()
    return ledger


def firing(fingerprint: str = "a1", *, starts_at: datetime = NOON, **labels: str) -> Alert:
    return Alert(
        fingerprint, True, {"alertname": "HighCPU", **labels}, {"summary": "hot"}, starts_at, None, "http://p/g"
    )


def resolved(fingerprint: str = "a1", *, ends_at: datetime | None = NOON) -> Alert:
    return replace(firing(fingerprint), firing=False, ends_at=ends_at)


def process(pid: int = 7) -> ProcessId:
    return ProcessId("boot", pid, 100, "image")


def manual(number: int, **fields: Any) -> Capture:
    """A manual capture, due at noon; a higher number is newer."""
    return Capture(
        **{
            "id": str(UUID(int=number)),
            "created_at": NOON,
            "trigger": Trigger("manual", labels={"job": "order-mq"}, by="ops", note="why"),
            "due_at": NOON,
            **fields,
        }
    )


def recording(capture: Capture, *, pid: int = 7, until: datetime = NOON + timedelta(seconds=30)) -> Capture:
    started = replace(capture, process=process(pid), target=Target("10.0.0.5", pid, "order-mq"), started_at=NOON)
    return started.to(Step.WAIT, due=until)


def completed(capture: Capture, at: datetime = NOON) -> Capture:
    return capture.ended(State.COMPLETED, at)

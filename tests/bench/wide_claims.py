"""What it costs to claim a row under 1 000 and under 100 000 rows, on either database."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from app.intake.rules import Rule
from app.ledger.ledger import Ledger
from tests.bench.rounds import Goal, Group, Unmeasured, Variant, rounds
from tests.unit.ledger.builders import ME, admission, firing, ids

FEW, MANY = 1_000, 100_000
TWIN = f"{FEW} rows (again)"
HOSTS, MESSAGE = 200, 1_000  # lanes; alerts of a message
LEASE = timedelta(seconds=30)
CLAIMS = 5  # of a round; the median is its value


def measure(folder: Path, server: str, *, quick: bool) -> Iterator[Group]:
    """server: the URL of an empty database."""
    folder.mkdir()
    for name, urls in {
        "SQLite": [f"sqlite:///{folder}/{count}.db" for count in (FEW, MANY)],
        "PostgreSQL": [f"{server}&options=-csearch_path%3Drows{count}" for count in (FEW, MANY)],
    }.items():
        with ExitStack() as within:
            few, many = (filled(url, count, within) for url, count in zip(urls, (FEW, MANY), strict=True))
            variants = {f"{FEW} rows": claiming(few), TWIN: claiming(few), f"{MANY} rows": claiming(many)}
            series = rounds(variants, 10 if quick else 80)
        title = f"A claim on {name}: the next of many rows that are due, about {HOSTS} hosts"
        goal = Goal(f"{MANY} rows", f"{FEW} rows", 1.5)
        yield Group(title, "ms", series, f"{FEW} rows", (goal,), f"{FEW} rows", TWIN)


def filled(url: str, count: int, within: ExitStack) -> Ledger:
    """A ledger with so many rows that are due: each an alert about another process."""
    if url.startswith("postgresql"):
        _schema(url)
    ledger = Ledger(url, decide=admission((Rule("every"),), ids()), clock=lambda: datetime.now(UTC))
    within.callback(ledger.close)
    ledger.migrate()
    for begin in range(0, count, MESSAGE):
        alerts = [firing(f"{n:016x}", host=f"10.0.0.{n % HOSTS}", pid=str(n)) for n in range(begin, begin + MESSAGE)]
        made = ledger.receive(alerts).result(120).created
        if len(made) != MESSAGE:
            raise Unmeasured(f"{len(made)} of {MESSAGE} alerts became captures")
    return ledger


def _schema(url: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {url.rpartition('%3D')[2]}"))


def claiming(ledger: Ledger) -> Variant:
    """Milliseconds of a claim; it is given up again, so that the rows stay what they are."""

    def value() -> float:
        took = []
        for _ in range(CLAIMS):
            now, began = datetime.now(UTC), time.perf_counter()
            claim = ledger.claim(now, ME, LEASE)
            took.append((time.perf_counter() - began) * 1000)
            if claim is None:
                raise Unmeasured("no row is due")
            ledger.release(claim, claim.capture)
        return statistics.median(took)

    return value

"""Bringing a database up to date by hand, and saying what was done: `alertprof migrate`."""

from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from app.ledger.database import Database
from app.ledger.migrations import upgrade, wait_for_turn


def applied(url: str) -> tuple[tuple[str, ...], str]:
    """Applies all missing steps. Returns their names, as the files in versions/, and the name of the last step there
    is. Raises LedgerUnavailable, also while a service has an SQLite file open."""
    steps = sorted(file.stem for file in Path(__file__).with_name("versions").glob("[0-9]*.py"))
    with closing(Database(url, exclusive=True)) as database, database.upgrading() as connection:
        wait_for_turn(connection)
        before = _revision(connection)
        upgrade(connection)
    return tuple(step for step in steps if step[:4] > before), steps[-1]


def _revision(connection: sa.Connection) -> str:
    """The number of the newest step that the database has; "" for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or "")

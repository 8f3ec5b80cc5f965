"""The history of the tables. Each file in versions/ is one step; an installed wheel contains them.

A step has its own copy of the schema by design: it must keep making what it made, whatever schema.py becomes later.
To add a step, copy the newest file, name it after what it does, set revision and down_revision, and change schema.py
to match; a test compares the two. Never change what a released step does.
"""

from pathlib import Path

import sqlalchemy as sa

from app.ledger.database import LedgerUnavailable

_ONE_AT_A_TIME = 0x616C7072  # any number; PostgreSQL's advisory lock for replicas that start together


def wait_for_turn(connection: sa.Connection) -> None:
    """Waits until no other replica upgrades PostgreSQL, and has the turn until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))


def upgrade(connection: sa.Connection) -> None:
    """Applies all missing steps in the transaction of this connection. Raises LedgerUnavailable for a database that a
    newer version has already upgraded."""
    # Alembic takes a quarter of a second to import, and only the service needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    wait_for_turn(connection)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerUnavailable(
            f"the ledger was written by a newer alertprof ({error}); install that version, or restore a backup"
        ) from error

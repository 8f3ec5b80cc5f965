"""`alertprof migrate`: brings the database up to date, and says what it did."""

import typer

from app.cli.configuration import settings_of
from app.cli.console import fail, plain
from app.cli.options import DEFAULT_STORAGE, Config, Storage


def migrate(
    *,
    config_file: Config = None,
    storage_path: Storage = DEFAULT_STORAGE,
) -> None:
    """Bring the database's schema up to date. `serve` does the same when it starts."""
    from app.errors import without_logins  # noqa: PLC0415
    from app.ledger.address import parsed, shown  # noqa: PLC0415
    from app.ledger.database import LedgerUnavailable  # noqa: PLC0415
    from app.ledger.migrations.applied import applied  # noqa: PLC0415

    database = settings_of(config_file, storage_path).storage.database
    try:
        steps, newest = applied(database)
    except LedgerUnavailable as fault:
        fail(str(fault))
    for step in steps:
        typer.echo(f"applied {step}")
    typer.echo(plain(f"{without_logins(shown(parsed(database)))} is up to date: {newest}"))

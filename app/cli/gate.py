"""`alertprof gate`: the remote script, to be installed on a host."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.configuration import settings_of
from app.cli.options import DEFAULT_STORAGE


def gate(
    *,
    config_file: Annotated[
        Path | None, typer.Option("--config.file", help="Whose rules' commands and signals it is to know.")
    ] = None,
) -> None:
    """Print the gate for a forced-command SSH key, with its authorized_keys and sudoers lines as comments."""
    from app.gate.installed import script  # noqa: PLC0415

    typer.echo(script(settings_of(config_file, DEFAULT_STORAGE).recipes), nl=False)

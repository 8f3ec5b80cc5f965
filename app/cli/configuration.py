"""Reading the configuration for a command, and `alertprof check-config`.

A faulty file ends the command: every fault goes to stderr as `F:line:column: where: what`, and the exit code is 1.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import fail, say_json
from app.cli.options import DEFAULT_STORAGE

if TYPE_CHECKING:
    from app.config.settings import Settings
    from app.config.web import WebConfig


def settings_of(file: Path | None, storage: Path) -> "Settings":
    """The settings of `file`, or the defaults for None. `storage`: where data rests that the file gives no place."""
    from app.config.settings import BadConfig, load  # noqa: PLC0415

    try:
        return load(file, storage)
    except BadConfig as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from error


def web_config_of(file: Path | None) -> "WebConfig":
    """What --web.config.file says; plain HTTP for None."""
    from app.config.settings import BadConfig  # noqa: PLC0415
    from app.config.web import load  # noqa: PLC0415

    try:
        return load(file)
    except BadConfig as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from error


def file_faults(file: Path | None) -> list[str]:
    """What is wrong with the key, known_hosts and token files that a valid configuration names, a line each."""
    from app.config import places  # noqa: PLC0415

    if file is None:
        return places.without_file(Path.home())
    return [f"{file}:{fault}" for fault in places.faults(file)]


def check_config(
    file: Annotated[Path | None, typer.Argument(metavar="F", help="A configuration file.")] = None,
    *,
    print_schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of such a file.")] = False,
) -> None:
    """Tell every fault of a configuration file and of the keys and tokens that it names, as F:line:column."""
    if print_schema:
        from app.config.schema import schema  # noqa: PLC0415

        say_json(schema())
        return
    if file is None:
        fail("name the configuration file: alertprof check-config FILE; or --schema for what it may have", 2)
    settings = settings_of(file, DEFAULT_STORAGE)
    if faults := file_faults(file):
        typer.echo("\n".join(faults), err=True)
        raise SystemExit(1)
    from app.config.unwise import notes  # noqa: PLC0415

    for note in notes(settings.rules):
        typer.echo(f"{file}: note: {note}")
    rules = len(settings.rules)
    typer.echo(f"{file}: good, {rules} rule{'' if rules == 1 else 's'}")

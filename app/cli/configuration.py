"""Reading the configuration for a command, and `alertprof check-config`.

A faulty file ends the command: every fault goes to stderr as `F:line:column: where: what`, and the exit code is 1.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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


def check_config(file: Annotated[Path, typer.Argument(metavar="F", help="A configuration file.")]) -> None:
    """Tell every fault of a configuration file and of the keys and tokens that it names, as F:line:column."""
    settings = settings_of(file, DEFAULT_STORAGE)
    if faults := file_faults(file):
        typer.echo("\n".join(faults), err=True)
        raise SystemExit(1)
    for rule in settings.rules:
        for note in rule.spec.notes() if rule.spec else ():
            typer.echo(f"{file}: note: rule {rule.name}: {note}")
    rules = len(settings.rules)
    typer.echo(f"{file}: good, {rules} rule{'' if rules == 1 else 's'}")

"""alertprof …: the list of commands. Exit codes: 0 done, 1 the thing asked about is not so, 2 wrong usage.

Each command is a function in a module of its family. A command imports what it needs inside its function, so that
`--help` loads neither the web framework nor the database.
"""

import os
from typing import Annotated

import typer

from app.cli.capture import capture
from app.cli.captures import captures, fetch, links, show, top
from app.cli.completion import COMPLETING, completion
from app.cli.configuration import check_config
from app.cli.console import fail
from app.cli.diff import diff
from app.cli.doctor import doctor
from app.cli.explain import explain
from app.cli.gate import gate
from app.cli.init import init
from app.cli.mcp.command import mcp
from app.cli.migrate import migrate
from app.cli.serve import serve
from app.cli.unblock import unblock

WRONG_USAGE = (400, 422)  # statuses of the service's answers

app = typer.Typer(
    name="alertprof",
    help="An alert becomes a profile: Alertmanager's webhook receiver that profiles the process an alert speaks of.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The command `alertprof`. Whatever goes wrong is one sentence on stderr."""
    if COMPLETING in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

        completion_init()
    try:
        app()
    except Exception as error:
        from app.cli.client import ServiceError  # noqa: PLC0415

        if not isinstance(error, ServiceError):
            raise
        fail(str(error), 2 if error.status in WRONG_USAGE else 1)


def print_version(wanted: bool) -> None:
    """--version: prints it and exits."""
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"alertprof {version('alertprof')}")
        raise typer.Exit


@app.callback()
def common(
    _: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """--version is the only option that stands before a command."""


app.command()(serve)
app.command("check-config")(check_config)
app.command()(explain)
app.command()(doctor)
app.command()(gate)
app.command()(capture)
app.command()(captures)
app.command()(show)
app.command()(links)
app.command()(fetch)
app.command()(top)
app.command()(diff)
app.command()(unblock)
app.command()(mcp)
app.command()(init)
app.command()(migrate)
app.command()(completion)

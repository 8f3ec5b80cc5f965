"""`alertprof completion`: prints the script with which a shell completes our commands and options."""

from enum import StrEnum
from typing import Annotated, Final

import typer

COMPLETING: Final = "_ALERTPROF_COMPLETE"  # the variable with which the script asks


class Shell(StrEnum):
    """A shell that completes."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print the script for a shell's completion: `source <(alertprof completion bash)`."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # noqa: PLC0415

    script = get_completion_script(prog_name="alertprof", complete_var=COMPLETING, shell=shell.value)  # nosec B604
    typer.echo(script)

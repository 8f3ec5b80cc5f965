"""The arguments and options that several commands share, and the service that they lead to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.cli.client import Client

DEFAULT_URL = "http://127.0.0.1:9911"
DEFAULT_STORAGE = Path("data")

Url = Annotated[str, typer.Option("--url", envvar="ALERTPROF_URL", help="Where alertprof runs.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="ALERTPROF_TOKEN_FILE", help="Holds the token, where the service wants one."),
]
Host = Annotated[str, typer.Argument(metavar="HOST", help="As an alert would name it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A capture's, as `captures` lists it; its beginning is enough.")]
KINDS = "cpu, heap, allocs, mutex, block, threadcreate, goroutine or goroutineleak."
Kind = Annotated[str, typer.Option("--kind", help=KINDS)]
Count = Annotated[int, typer.Option("-n", min=1, max=1000, help="So many functions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, as the API has it.")]
Config = Annotated[Path | None, typer.Option("--config.file", help="The configuration; without it, the defaults.")]
Storage = Annotated[Path, typer.Option("--storage.path", help="Where captures go, unless the configuration says it.")]


def connected(url: str, token_file: Path | None) -> "Client":
    """A client of the service at `url`. Raises ServiceError for an address or a token file that cannot be used."""
    from app.cli.client import Client  # noqa: PLC0415

    return Client(url, token_file)

"""`alertprof mcp`: captures for agents over the Model Context Protocol."""

from typing import Annotated

import typer

from app.cli.console import fail
from app.cli.options import DEFAULT_URL, TokenFile, Url, connected


def mcp(
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    allow_capture: Annotated[
        bool, typer.Option("--allow-capture", help="Agents may also ask for captures; otherwise they only read.")
    ] = False,
) -> None:
    """Serve captures to an agent over the Model Context Protocol, on stdin and stdout, until stdin ends."""
    service = connected(url, token_file)
    try:
        from app.cli.mcp.server import serve  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        fail("the Model Context Protocol is an extra; install it with pip install 'alertprof[mcp]'", 2)
    serve(service, allow_capture=allow_capture)

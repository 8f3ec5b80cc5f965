"""`alertprof captures --watch`: each capture once, and again whenever its state changes."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from app.cli.console import say

if TYPE_CHECKING:
    from app.cli.client import Client

POLL = 1.0  # seconds between two looks


def follow(service: "Client", query: Mapping[str, Any], *, as_json: bool) -> NoReturn:
    """Prints the captures of the query, the oldest first, until Ctrl-C; as JSON, one document a line. Raises
    ServiceError."""
    from app.cli.render import capture_line  # noqa: PLC0415

    seen: dict[str, tuple[str, str]] = {}
    while True:
        for capture in reversed(service.get("/captures", query)["captures"]):
            state = capture["state"], (capture["reason"] or {}).get("code", "")
            if seen.get(capture["id"]) != state:
                seen[capture["id"]] = state
                typer.echo(json.dumps(capture)) if as_json else say([capture_line(capture)])
        time.sleep(POLL)

"""`alertprof unblock`: takes an executable off the list of those that are not signalled any more."""

from typing import Annotated

import typer

from app.cli.console import fail, plain
from app.cli.options import DEFAULT_URL, TokenFile, Url, connected


def unblock(
    blocked_id: Annotated[str, typer.Argument(metavar="ID", help="As the capture that it harmed, or the page, says.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Let an executable be signalled again that is blocked because a signal harmed one of its processes."""
    from app.cli.render import blocked_executables  # noqa: PLC0415

    service = connected(url, token_file)
    blocked = service.get("/-/blocked")["blocked"]
    fitting = [one for one in blocked if blocked_id and one["id"].startswith(blocked_id)]
    if len(fitting) > 1:
        fail(f"{len(fitting)} ids begin with {blocked_id}; write more of it:\n{blocked_executables(fitting)}", 2)
    if not fitting:
        listed = f"these are:\n{blocked_executables(blocked)}" if blocked else "none is"
        fail(f"no executable is blocked as {blocked_id!r}; {listed}")
    service.ask("DELETE", f"/-/blocked/{fitting[0]['id']}")
    typer.echo(plain(f"{fitting[0]['exe']} (build {fitting[0]['build']}) may be signalled again."))

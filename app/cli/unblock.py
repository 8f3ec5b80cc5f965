"""`alertprof unblock`: takes an executable off the list of those that are not signalled any more; or shows the list."""

from typing import Annotated, Any

import typer

from app.cli.console import fail, plain, tell
from app.cli.options import DEFAULT_URL, AsJson, TokenFile, Url, connected


def unblock(
    blocked_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="As the capture that it harmed, or the page, says. Without it: the list."),
    ] = None,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Let an executable be signalled again that is blocked because a signal harmed one of its processes."""
    from app.cli.render import blocked_executables  # noqa: PLC0415

    service = connected(url, token_file)
    there = service.get("/-/blocked")
    blocked = there["blocked"]
    if blocked_id is not None:
        one = fitting(blocked, blocked_id)
        service.ask("DELETE", f"/-/blocked/{one['id']}")
        there, said = one, plain(f"{one['exe']} (build {one['build']}) may be signalled again.")
    else:
        said = blocked_executables(blocked) or "No executable is blocked."
    tell(there, [said], as_json=as_json)


def fitting(blocked: list[dict[str, Any]], beginning: str) -> dict[str, Any]:
    """The only executable whose id begins so. Exits with 2 for several, with 1 for none."""
    from app.cli.render import blocked_executables  # noqa: PLC0415

    fit = [one for one in blocked if beginning and one["id"].startswith(beginning)]
    if len(fit) > 1:
        fail(f"{len(fit)} ids begin with {beginning}; write more of it:\n{blocked_executables(fit)}", 2)
    if not fit:
        listed = f"these are:\n{blocked_executables(blocked)}" if blocked else "none is"
        fail(f"no executable is blocked as {beginning!r}; {listed}")
    return fit[0]

"""Reading captures from a running service: `captures`, `show`, `links`, `fetch` and `top`."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import fail, plain, say_json, tell
from app.cli.following import follow
from app.cli.ids import path_of
from app.cli.options import DEFAULT_URL, AsJson, Count, Id, Kind, TokenFile, Url, connected

if TYPE_CHECKING:
    from app.cli.client import Client

TOP = {"kind": "cpu", "n": 10}  # of what `show` prints


def captures(
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    state: Annotated[str | None, typer.Option(help="pending, recording, completed, failed, skipped, …")] = None,
    host: Annotated[str | None, typer.Option(help="Of processes on this host.")] = None,
    service: Annotated[str | None, typer.Option(help="Of this service.")] = None,
    alertname: Annotated[str | None, typer.Option(help="For alerts of this name.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="For this very alert.")] = None,
    profiler: Annotated[str | None, typer.Option(help="By this profiler.")] = None,
    rule: Annotated[str | None, typer.Option(help="By this rule.")] = None,
    reason: Annotated[str | None, typer.Option(help="With this code of a reason: cooldown, say.")] = None,
    since: Annotated[str | None, typer.Option(help="A time, or so long ago: 24h.")] = None,
    until: Annotated[str | None, typer.Option(help="A time, or so long ago.")] = None,
    match: Annotated[list[str] | None, typer.Option(help="A matcher on the alert's labels; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: print each change, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """List captures, newest first."""
    from app.cli import render  # noqa: PLC0415

    asked = {
        "state": state, "host": host, "service": service, "alertname": alertname, "fingerprint": fingerprint,
        "profiler": profiler, "rule": rule, "reason": reason, "since": since, "until": until, "match": match,
        "limit": limit,
    }  # fmt: skip
    client, query = connected(url, token_file), {name: value for name, value in asked.items() if value}
    if watch:
        follow(client, query, as_json=as_json)
    page = client.get("/captures", query)
    tell(page, render.capture_page(page), as_json=as_json)


def show(capture_id: Id, *, url: Url = DEFAULT_URL, token_file: TokenFile = None, as_json: AsJson = False) -> None:
    """Show one capture with its findings, timeline, files and top functions, and what to type next."""
    from app.cli import render  # noqa: PLC0415

    service = connected(url, token_file)
    found = service.get(path_of(service, capture_id))
    tell(
        found,
        chain(render.capture(found), top_of(service, found), render.next_lines(found, service.url)),
        as_json=as_json,
    )


def top_of(service: "Client", capture: Mapping[str, Any]) -> Iterator[str]:
    """The top functions of the CPU profile, or why they cannot be shown; nothing for a capture without one."""
    from app.cli import render  # noqa: PLC0415
    from app.cli.client import ServiceError  # noqa: PLC0415

    if not any(artifact["kind"] == "cpu" for artifact in capture["artifacts"]):
        return
    yield ""
    try:
        yield from render.top_functions(service.get(f"/captures/{capture['id']}/top", TOP))
    except ServiceError as error:
        yield plain(f"the top functions cannot be shown: {error}")


def links(
    capture_id: Id,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    lifetime: Annotated[
        str | None, typer.Option(help="How long they open a file without a token: 1h unless said, at most 1d.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the line that opens each file of a capture, without a token."""
    from app.cli import render  # noqa: PLC0415

    service = connected(url, token_file)
    query = {"lifetime": lifetime} if lifetime else {}
    found = service.get(f"{path_of(service, capture_id)}/links", query)
    if not found["links"]:
        fail(f"this capture has no files; alertprof show {capture_id} says why")
    tell(found, render.open_lines(found, service.url), as_json=as_json)


def fetch(
    capture_id: Id,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    folder: Annotated[Path, typer.Option("-o", metavar="DIR", help="Where to put the files.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Download the files of a capture, and compare their checksums."""
    service = connected(url, token_file)
    found = service.get(path_of(service, capture_id))
    if not found["artifacts"]:
        fail(f"this capture has no files; it is {found['state']}: alertprof show {capture_id} says why")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder} cannot be made: {error.strerror}; name another directory with -o DIR")
    fetched = []
    for artifact in found["artifacts"]:
        file = folder / Path(artifact["name"]).name
        service.save(artifact["href"], file, artifact["sha256"])
        fetched.append({**artifact, "file": str(file)})
        if not as_json:
            typer.echo(str(file))
    if as_json:
        say_json({"artifacts": fetched})


def top(
    capture_id: Id,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    kind: Kind = "cpu",
    n: Count = 30,
    sample_type: Annotated[str | None, typer.Option(help="Where a profile has several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which functions cost most, as `go tool pprof -top -nodefraction=0` does."""
    from app.cli import render  # noqa: PLC0415

    query = {"kind": kind, "n": n} | ({"sample_type": sample_type} if sample_type else {})
    service = connected(url, token_file)
    found = service.get(f"{path_of(service, capture_id)}/top", query)
    tell(found, render.top_functions(found), as_json=as_json)

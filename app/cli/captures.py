"""Reading captures from a running service: `captures`, `show`, `links`, `fetch` and `top`."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import fail, say
from app.cli.options import DEFAULT_URL, Count, Id, Kind, TokenFile, Url, connected, segment

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
    since: Annotated[str | None, typer.Option(help="A time, or so long ago: 24h.")] = None,
    until: Annotated[str | None, typer.Option(help="A time, or so long ago.")] = None,
    match: Annotated[list[str] | None, typer.Option(help="A matcher on the alert's labels; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
) -> None:
    """List captures, newest first."""
    from app.cli import render  # noqa: PLC0415

    asked = {
        "state": state, "host": host, "service": service, "alertname": alertname, "fingerprint": fingerprint,
        "profiler": profiler, "since": since, "until": until, "match": match, "limit": limit,
    }  # fmt: skip
    page = connected(url, token_file).get("/captures", {name: value for name, value in asked.items() if value})
    say(render.capture_table(page["captures"]))
    if page["next"]:
        typer.echo(f"There are more; --limit shows up to 500, --until {page['captures'][-1]['created_at']} goes on.")


def show(capture_id: Id, url: Url = DEFAULT_URL, token_file: TokenFile = None) -> None:
    """Show one capture with its findings, timeline, files and top functions, and what to type next."""
    from app.cli import render  # noqa: PLC0415

    service = connected(url, token_file)
    found = service.get(f"/captures/{segment(capture_id)}")
    say(render.capture(found))
    if any(artifact["kind"] == "cpu" for artifact in found["artifacts"]):
        typer.echo()
        say(shown_or_why(lambda: render.top_functions(service.get(f"/captures/{found['id']}/top", TOP))))
    say(render.next_lines(found))


def shown_or_why(show: Callable[[], Iterable[str]]) -> Iterable[str]:
    """What `show` returns, or the sentence why it cannot: the rest of the capture is shown in either case."""
    from app.cli.client import ServiceError  # noqa: PLC0415

    try:
        return show()
    except ServiceError as error:
        return [f"the top functions cannot be shown: {error}"]


def links(
    capture_id: Id,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    lifetime: Annotated[
        str | None, typer.Option(help="How long they open a file without a token: 1h unless said, at most 1d.")
    ] = None,
) -> None:
    """Print the line that opens each file of a capture, without a token."""
    from app.cli import render  # noqa: PLC0415

    service = connected(url, token_file)
    query = {"lifetime": lifetime} if lifetime else {}
    found = service.get(f"/captures/{segment(capture_id)}/links", query)
    if not found["links"]:
        fail("this capture has no files")
    say(render.open_lines(found, service.url))


def fetch(
    capture_id: Id,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    folder: Annotated[Path, typer.Option("-o", metavar="DIR", help="Where to put the files.")] = Path(),
) -> None:
    """Download the files of a capture, and compare their checksums."""
    service = connected(url, token_file)
    found = service.get(f"/captures/{segment(capture_id)}")
    if not found["artifacts"]:
        fail(f"this capture has no files; it is {found['state']}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder} cannot be made: {error.strerror}")
    for artifact in found["artifacts"]:
        file = folder / Path(artifact["name"]).name
        service.save(artifact["href"], file, artifact["sha256"])
        typer.echo(str(file))


def top(
    capture_id: Id,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    kind: Kind = "cpu",
    n: Count = 30,
    sample_type: Annotated[str | None, typer.Option(help="Where a profile has several.")] = None,
) -> None:
    """Show which functions cost most, as `go tool pprof -top -nodefraction=0` does."""
    from app.cli import render  # noqa: PLC0415

    query = {"kind": kind, "n": n} | ({"sample_type": sample_type} if sample_type else {})
    say(render.top_functions(connected(url, token_file).get(f"/captures/{segment(capture_id)}/top", query)))

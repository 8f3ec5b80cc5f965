"""`alertprof capture`: asks a running service for a capture, and follows it."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import fail, say
from app.cli.options import DEFAULT_URL, Host, TokenFile, Url, connected
from app.cli.progress import Progress

if TYPE_CHECKING:
    from app.cli.client import Client

POLL = 0.5  # seconds between two looks at a capture that is waited for


def capture(
    host: Host,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    pid: Annotated[int | None, typer.Option(help="The process by number.")] = None,
    process: Annotated[str | None, typer.Option(help="The process by the exact name of its executable.")] = None,
    unit: Annotated[str | None, typer.Option(help="The process by systemd unit.")] = None,
    port: Annotated[int | None, typer.Option(help="The process that listens on this port.")] = None,
    container: Annotated[
        str | None, typer.Option(help="The process by container: its id, or its name in Docker or Podman.")
    ] = None,
    duration: Annotated[
        str, typer.Option(help="How long to record; a go-zero from v1.6.1 on always takes 60s.")
    ] = "30s",
    profiler: Annotated[
        str, typer.Option(metavar="KIND", help="A kind, such as http-pprof; auto takes what fits.")
    ] = "auto",
    note: Annotated[str, typer.Option(help="Why; kept with the capture.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress, and the files at its end.")] = False,
) -> None:
    """Ask a running service for a capture of one process."""
    ways = {"pid": pid, "process": process, "unit": unit, "port": port, "container": container}
    given = {name: value for name, value in ways.items() if value is not None}
    if len(given) != 1:
        fail(f"give one of --pid, --process, --unit, --port, --container: alertprof capture {host} --port 8080", 2)
    service = connected(url, token_file)
    body = {"host": host, "duration": duration, "profiler": profiler, "note": note, **given}
    made = service.ask("POST", "/capture", json=body)
    if not wait:
        typer.echo(f"{made['id']}  {service.url}/ui/captures/{made['id']}")
        return
    follow(service, made, seconds(duration))


def seconds(duration: str) -> float:
    """Of a duration that the service has taken."""
    from app.web import durations  # noqa: PLC0415

    return durations.parse(duration).total_seconds()


def follow(service: "Client", made: dict[str, Any], length: float) -> None:
    """Prints the timeline as it grows, then the files and the top functions. Exits with 1 unless it completed.

    length: seconds of the recording, for the bar on a terminal.
    """
    from app.cli import render  # noqa: PLC0415
    from app.cli.remedies import remedy  # noqa: PLC0415

    printed, progress = 0, Progress(length)
    while True:
        progress.clear()
        say(render.events(made, printed))
        printed = len(made["timeline"])
        if made["state"] in render.ENDED:
            break
        progress.show(made)
        time.sleep(POLL)
        made = service.get(f"/captures/{made['id']}")
    typer.echo()
    links = service.get(f"/captures/{made['id']}/links")
    say(render.files(made, links, service.url))
    if any(artifact["kind"] == "cpu" for artifact in made["artifacts"]):
        typer.echo()
        say(render.top_functions(service.get(f"/captures/{made['id']}/top", {"kind": "cpu", "n": 10})))
    if made["state"] != "completed":
        said = (made["reason"] or {}).get(
            "message", f"no reason was given; alertprof show {made['id']} has its timeline"
        )
        fail("\n".join([f"the capture {made['state']}: {said}", *remedy(made, service.url)]))

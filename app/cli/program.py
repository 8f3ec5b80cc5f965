"""alertprof …: one function a command. Exit codes: 0 done, 1 the thing asked about is not so, 2 wrong usage.

What a command needs is imported inside it, so that `--help` is there at once.
"""

import re
import sys
import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import quote

import typer

from app.config.address import Address

if TYPE_CHECKING:
    from app.cli.client import Client
    from app.config.settings import Settings
    from app.config.web import WebConfig

POLL = 0.5  # seconds between two looks at a capture that is waited for
DEFAULT_URL = "http://127.0.0.1:9911"
WRONG_USAGE = (400, 422)

app = typer.Typer(
    name="alertprof",
    help="An alert becomes a profile: Alertmanager's webhook receiver that profiles the process an alert speaks of.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogFormat(StrEnum):
    LOGFMT = "logfmt"
    JSON = "json"


Url = Annotated[str, typer.Option("--url", envvar="ALERTPROF_URL", help="Where alertprof runs.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="ALERTPROF_TOKEN_FILE", help="Holds the token, where the service wants one."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="A capture's, as `captures` lists it.")]
Kind = Annotated[str, typer.Option("--kind", help="cpu, heap, mutex, block or threadcreate.")]
Count = Annotated[int, typer.Option("-n", min=1, max=1000, help="So many functions.")]
Config = Annotated[Path | None, typer.Option("--config.file", help="The configuration; without it, the defaults.")]
Storage = Annotated[Path, typer.Option("--storage.path", help="Where captures rest, unless the configuration says it.")]


def main() -> None:
    """The command `alertprof`: whatever goes wrong is one sentence on stderr."""
    try:
        app()
    except Exception as error:
        from app.cli.client import ServiceError  # noqa: PLC0415

        if not isinstance(error, ServiceError):
            raise
        fail(str(error), 2 if error.status in WRONG_USAGE else 1)


def fail(sentence: str, code: int = 1) -> NoReturn:
    from app.cli.console import plain  # noqa: PLC0415

    for line in sentence.splitlines():
        typer.echo(f"alertprof: {plain(line)}", err=True)
    raise SystemExit(code)


def say(lines: Any) -> None:
    for line in lines:
        typer.echo(line)


def version_and_out(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"alertprof {version('alertprof')}")
        raise typer.Exit


@app.callback()
def common(
    _: Annotated[
        bool, typer.Option("--version", callback=version_and_out, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Nothing is common to all commands but --version."""


def an_address(text: str) -> Address:
    try:
        return Address.read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def serve(
    *,
    config_file: Annotated[
        Path | None, typer.Option("--config.file", help="The configuration; without it, the defaults.")
    ] = None,
    listen: Annotated[
        Address, typer.Option("--web.listen-address", parser=an_address, metavar="HOST:PORT")
    ] = "127.0.0.1:9911",  # type: ignore[assignment]  # typer parses defaults too
    web_config: Annotated[Path | None, typer.Option("--web.config.file", help="TLS and users, as Prometheus.")] = None,
    external_url: Annotated[str, typer.Option("--web.external-url", help="How people reach it, for links.")] = "",
    storage_path: Annotated[
        Path, typer.Option("--storage.path", help="Where captures rest, unless the configuration says it.")
    ] = Path("data"),
    log_level: Annotated[LogLevel, typer.Option("--log.level")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option("--log.format")] = LogFormat.LOGFMT,
) -> None:
    """Run the service, until SIGTERM or Ctrl-C."""
    settings, web = configured(config_file, storage_path), web_configured(web_config)
    auth = replace(settings.auth, users=web.users, certified=web.certified)
    if refusal := auth.refusal(listen.host):
        fail(refusal)
    from app.main import serve as run  # noqa: PLC0415

    run(
        replace(settings, auth=auth, amiss=tuple(amiss(config_file))),
        web=web,
        host=listen.host,
        port=listen.port,
        external_url=an_external_url(external_url) or listen.url(web.scheme),
        log_level=log_level.value,
        log_format=log_format.value,
    )


def configured(file: Path | None, storage: Path) -> "Settings":
    """The settings; every fault of the file on stderr and exit 1 when it has some."""
    from app.config.settings import BadConfig, load  # noqa: PLC0415

    try:
        return load(file, storage)
    except BadConfig as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from error


def amiss(file: Path | None) -> list[str]:
    """What is amiss with the files that a good configuration names."""
    from app.config import places as config_places  # noqa: PLC0415

    return (
        [f"{file}:{fault}" for fault in config_places.faults(file)] if file else config_places.without_file(Path.home())
    )


def web_configured(file: Path | None) -> "WebConfig":
    """Likewise for --web.config.file."""
    from app.config.settings import BadConfig  # noqa: PLC0415
    from app.config.web import load  # noqa: PLC0415

    try:
        return load(file)
    except BadConfig as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from error


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(metavar="F", help="A configuration file.")]) -> None:
    """Tell every fault of a configuration file and of the keys and tokens that it names, as F:line:column."""
    settings = configured(file, Path("data"))
    if faults := amiss(file):
        typer.echo("\n".join(faults), err=True)
        raise SystemExit(1)
    rules = len(settings.rules)
    typer.echo(f"{file}: good, {rules} rule{'' if rules == 1 else 's'}")


@app.command()
def explain(
    alert: Annotated[str, typer.Argument(metavar="ALERT.json|-", help="A webhook body, or one alert's labels.")],
    *,
    config_file: Config = None,
    storage_path: Storage = Path("data"),
    connect: Annotated[
        bool, typer.Option("--connect", help="Look at the hosts too; nothing is changed there.")
    ] = False,
) -> None:
    """Say what would become of alerts, and why not more. Sends no signal. Exit 1 unless each leads to a capture."""
    from app.cli import console  # noqa: PLC0415
    from app.cli.trials import explanations  # noqa: PLC0415

    body = content_of(alert)
    settings = configured(config_file, storage_path)
    told = explanations(settings, body, connect=connect)
    if isinstance(told, str):
        fail(f"{'the input' if alert == '-' else alert}: {told}", 2)
    say(console.explained(told))
    would = sum(explanation.would for explanation in told)
    typer.echo(f"{would} of {len(told)} alert{'' if len(told) == 1 else 's'} would lead to a capture.")
    raise SystemExit(0 if would == len(told) else 1)


def content_of(file: str) -> bytes:
    """What is in the file, or on the standard input for -; exit 2 when it cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", 2)


@app.command()
def doctor(
    host: Annotated[str, typer.Argument(metavar="HOST", help="As an alert would name it.")],
    *,
    config_file: Config = None,
    storage_path: Storage = Path("data"),
    pid: Annotated[int | None, typer.Option(min=2, max=4_194_304, help="One process there, in detail.")] = None,
) -> None:
    """Prove the way to a host, step by step. Nothing is changed there. Exit 1 if a step is not possible."""
    from app.cli import console  # noqa: PLC0415
    from app.cli.trials import blocking  # noqa: PLC0415
    from app.config.settings import BadConfig, load  # noqa: PLC0415
    from app.explain.doctor import examined  # noqa: PLC0415
    from app.explain.explanation import Check, Mark  # noqa: PLC0415

    try:
        settings = load(config_file, storage_path)
    except BadConfig as error:
        say(console.checked(Check(Mark.NO, "configuration", line)) for line in str(error).splitlines())
        raise SystemExit(1) from error
    typer.echo(console.checked(Check(Mark.OK, "configuration", str(config_file or "none is given: the defaults"))))
    amiss = False
    with blocking(settings) as blocked:
        for check in examined(settings.hosts, host, pid, blocked):
            typer.echo(console.checked(check))
            amiss |= check.mark is Mark.NO
    raise SystemExit(int(amiss))


@app.command()
def gate(
    *,
    config_file: Annotated[
        Path | None, typer.Option("--config.file", help="Whose rules' commands and signals it is to know.")
    ] = None,
) -> None:
    """Print the gate for a forced-command SSH key, with its authorized_keys and sudoers lines as comments."""
    from app.gate.installed import script  # noqa: PLC0415

    typer.echo(script(configured(config_file, Path("data")).recipes), nl=False)


@app.command()
def capture(
    host: Annotated[str, typer.Argument(metavar="HOST", help="As an alert would name it.")],
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
    said = {name: value for name, value in ways.items() if value is not None}
    if len(said) != 1:
        fail("give exactly one of --pid, --process, --unit, --port and --container", 2)
    service = connected(url, token_file)
    body = {"host": host, "duration": duration, "profiler": profiler, "note": note, **said}
    made = service.ask("POST", "/capture", json=body)
    if not wait:
        typer.echo(f"{made['id']}  {service.url}/ui/captures/{made['id']}")
        return
    follow(service, made)


def follow(service: "Client", made: dict[str, Any]) -> None:
    """Prints the timeline as it grows, then the files and the top functions. Exit 1 unless it completed."""
    from app.cli import console  # noqa: PLC0415

    told = 0
    while True:
        say(console.new_lines(made, told))
        told = len(made["timeline"])
        if made["state"] in console.ENDED:
            break
        time.sleep(POLL)
        made = service.get(f"/captures/{made['id']}")
    typer.echo()
    say(console.files(made, service.url))
    if any(artifact["kind"] == "cpu" for artifact in made["artifacts"]):
        typer.echo()
        say(console.table(service.get(f"/captures/{made['id']}/top", {"kind": "cpu", "n": 10})))
    if made["state"] != "completed":
        fail(f"the capture {made['state']}: {(made['reason'] or {}).get('message', 'no reason was given')}")


@app.command()
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
    match: Annotated[list[str] | None, typer.Option(help="A matcher on the labels; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
) -> None:
    """List captures, newest first."""
    from app.cli import console  # noqa: PLC0415

    asked = {
        "state": state, "host": host, "service": service, "alertname": alertname, "fingerprint": fingerprint,
        "profiler": profiler, "since": since, "until": until, "match": match, "limit": limit,
    }  # fmt: skip
    page = connected(url, token_file).get("/captures", {name: value for name, value in asked.items() if value})
    say(console.listed(page["captures"]))
    if page["next"]:
        typer.echo(f"There are more; --limit shows up to 500, --until {page['captures'][-1]['created_at']} goes on.")


@app.command()
def show(capture_id: Id, url: Url = DEFAULT_URL, token_file: TokenFile = None) -> None:
    """Show one capture with its timeline and files."""
    from app.cli import console  # noqa: PLC0415

    say(console.shown(connected(url, token_file).get(f"/captures/{segment(capture_id)}")))


@app.command()
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


@app.command()
def top(
    capture_id: Id,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    kind: Kind = "cpu",
    n: Count = 30,
    sample_type: Annotated[str | None, typer.Option(help="Where a profile has several.")] = None,
) -> None:
    """Show which functions cost most, as `go tool pprof -top` does."""
    from app.cli import console  # noqa: PLC0415

    query = {"kind": kind, "n": n} | ({"sample_type": sample_type} if sample_type else {})
    say(console.table(connected(url, token_file).get(f"/captures/{segment(capture_id)}/top", query)))


@app.command()
def unblock(
    blocked_id: Annotated[str, typer.Argument(metavar="ID", help="As the capture that it harmed, or the page, says.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Let an executable be signalled again, which is not since a signal harmed a process of it."""
    from app.cli import console  # noqa: PLC0415

    service = connected(url, token_file)
    there = service.get("/-/blocked")["blocked"]
    fitting = [one for one in there if blocked_id and one["id"].startswith(blocked_id)]
    if len(fitting) > 1:
        fail(f"{len(fitting)} ids begin with {blocked_id}; write more of it:\n{console.blocked(fitting)}", 2)
    if not fitting:
        listed = f"these are:\n{console.blocked(there)}" if there else "none is"
        fail(f"no executable is blocked as {blocked_id!r}; {listed}")
    service.ask("DELETE", f"/-/blocked/{fitting[0]['id']}")
    typer.echo(console.plain(f"{fitting[0]['exe']} (build {fitting[0]['build']}) may be signalled again."))


def connected(url: str, token_file: Path | None) -> "Client":
    from app.cli.client import Client  # noqa: PLC0415

    return Client(url, token_file)


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def an_external_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", text):
        fail(f"--web.external-url: {text!r} is no address; write it as https://alertprof.example.com", 2)
    return text.rstrip("/")

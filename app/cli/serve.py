"""`alertprof serve`: the options of the service."""

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.configuration import file_faults, settings_of, web_config_of
from app.cli.console import fail
from app.cli.options import DEFAULT_STORAGE, Config, Storage
from app.config.address import Address

if TYPE_CHECKING:
    from app.config.settings import Settings
    from app.config.web import WebConfig
    from app.intake.re2 import Pattern


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


RoutePrefix = Annotated[
    str | None,
    typer.Option("--web.route-prefix", help="Before every route; by default the path of --web.external-url."),
]
AuditFile = Annotated[
    Path | None, typer.Option("--audit.log", metavar="FILE", help="Who asked what, and what hosts were sent: JSON.")
]


def listen_address(text: str) -> Address:
    """The value of --web.listen-address. Raises typer.BadParameter."""
    try:
        return Address.read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def serve(
    *,
    config_file: Config = None,
    listen: Annotated[
        Address, typer.Option("--web.listen-address", parser=listen_address, metavar="HOST:PORT")
    ] = "127.0.0.1:9911",  # type: ignore[assignment]  # typer parses defaults too
    web_config: Annotated[
        Path | None, typer.Option("--web.config.file", help="TLS and users, as in Prometheus.")
    ] = None,
    external_url: Annotated[str, typer.Option("--web.external-url", help="How people reach it, for links.")] = "",
    route_prefix: RoutePrefix = None,
    cors_origin: Annotated[
        str, typer.Option("--web.cors.origin", metavar="REGEX", help="Whose pages may read artifacts: a whole origin.")
    ] = "",
    storage_path: Storage = DEFAULT_STORAGE,
    log_level: Annotated[LogLevel, typer.Option("--log.level")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option("--log.format")] = LogFormat.LOGFMT,
    audit_log: AuditFile = None,
) -> None:
    """Run the service, until SIGTERM or Ctrl-C."""
    settings, web = settings_of(config_file, storage_path), web_config_of(web_config)
    try:
        settings = guarded(settings, web, listen.host, config_file)
    except ValueError as refusal:
        fail(str(refusal))
    web = replace(web, cors_origin=valid_cors_origin(cors_origin), route_prefix=valid_prefix(route_prefix))
    from app.config.settings import load  # noqa: PLC0415
    from app.serving import serve as run  # noqa: PLC0415

    run(
        settings,
        lambda: guarded(load(config_file, storage_path), web, listen.host, config_file),
        web=web,
        host=listen.host,
        port=listen.port,
        external_url=valid_external_url(external_url) or listen.url(web.scheme),
        log_level=log_level.value,
        log_format=log_format.value,
        audit_file=audit_log,
    )


def guarded(settings: "Settings", web: "WebConfig", host: str, file: Path | None) -> "Settings":
    """The settings of `file` with the users of the web configuration, and with what the files that it names lack.
    Raises ValueError if nothing would guard the service on the address `host`."""
    auth = replace(settings.auth, users=web.users, certified=web.certified)
    if refusal := auth.refusal(host):
        raise ValueError(refusal)
    return replace(settings, auth=auth, warnings=tuple(file_faults(file)))


def valid_external_url(text: str) -> str:
    """The value of --web.external-url without its trailing slash. Exits with 2 for what is no address."""
    if text and not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", text):
        fail(f"--web.external-url: {text!r} is no address; write it as https://alertprof.example.com", 2)
    return text.rstrip("/")


def valid_prefix(text: str | None) -> str | None:
    """The value of --web.route-prefix without its trailing slash. Exits with 2 for what is no path."""
    if text and not re.fullmatch(r"/[A-Za-z0-9._~/-]*", text):
        fail(f"--web.route-prefix: {text!r} is no path; write it as /alertprof, or / for none", 2)
    return None if text is None else text.rstrip("/")


def valid_cors_origin(text: str) -> "Pattern | None":
    """The value of --web.cors.origin for fullmatch; None for an empty one. Exits with 2 for what is no expression."""
    from app.intake.re2 import PatternError, compiled  # noqa: PLC0415

    try:
        return compiled(text) if text else None
    except PatternError as error:
        fail(f"--web.cors.origin: {text!r}: {error}; write a regular expression, as https://(www\\.)?example\\.com", 2)

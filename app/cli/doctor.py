"""`alertprof doctor`: the way to a host, step by step."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import say_json
from app.cli.options import DEFAULT_STORAGE, AsJson, Config, Host, Storage

if TYPE_CHECKING:
    from app.explain.explanation import Check


def doctor(
    host: Host,
    *,
    config_file: Config = None,
    storage_path: Storage = DEFAULT_STORAGE,
    pid: Annotated[int | None, typer.Option(min=2, max=4_194_304, help="One process there, in detail.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove the way to a host, step by step. Nothing is changed there. Exit 1 if a step is not possible."""
    from app.cli.render import check as rendered  # noqa: PLC0415
    from app.explain.explanation import Mark  # noqa: PLC0415

    done = []
    for check in steps(host, config_file, storage_path, pid):
        done.append(check)
        if not as_json:
            typer.echo(rendered(check))
    passed = all(check.mark is not Mark.NO for check in done)
    if as_json:
        say_json({"passed": passed, "checks": [asdict(check) for check in done]})
    raise SystemExit(0 if passed else 1)


def steps(host: str, config_file: Path | None, storage_path: Path, pid: int | None) -> Iterator["Check"]:
    """Each step as soon as it is done. A faulty configuration is the only one, with each of its faults."""
    from app.cli.dry_run import blocked_executables  # noqa: PLC0415
    from app.config.settings import BadConfig, load  # noqa: PLC0415
    from app.explain.doctor import examined  # noqa: PLC0415
    from app.explain.explanation import Check, Mark  # noqa: PLC0415

    try:
        settings = load(config_file, storage_path)
    except BadConfig as error:
        yield from (Check(Mark.NO, "configuration", line) for line in str(error).splitlines())
        return
    yield Check(Mark.OK, "configuration", str(config_file or "none is given: the defaults"))
    with blocked_executables(settings) as blocked:
        yield from examined(settings.hosts, host, pid, blocked, settings.redaction)

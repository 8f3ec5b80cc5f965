"""`alertprof doctor`: the way to a host, step by step."""

from typing import Annotated

import typer

from app.cli.console import say
from app.cli.options import DEFAULT_STORAGE, Config, Host, Storage


def doctor(
    host: Host,
    *,
    config_file: Config = None,
    storage_path: Storage = DEFAULT_STORAGE,
    pid: Annotated[int | None, typer.Option(min=2, max=4_194_304, help="One process there, in detail.")] = None,
) -> None:
    """Prove the way to a host, step by step. Nothing is changed there. Exit 1 if a step is not possible."""
    from app.cli.dry_run import blocked_executables  # noqa: PLC0415
    from app.cli.render import check as rendered  # noqa: PLC0415
    from app.config.settings import BadConfig, load  # noqa: PLC0415
    from app.explain.doctor import examined  # noqa: PLC0415
    from app.explain.explanation import Check, Mark  # noqa: PLC0415

    try:
        settings = load(config_file, storage_path)
    except BadConfig as error:
        say(rendered(Check(Mark.NO, "configuration", line)) for line in str(error).splitlines())
        raise SystemExit(1) from error
    typer.echo(rendered(Check(Mark.OK, "configuration", str(config_file or "none is given: the defaults"))))
    failed = False
    with blocked_executables(settings) as blocked:
        for check in examined(settings.hosts, host, pid, blocked, settings.redaction):
            typer.echo(rendered(check))
            failed |= check.mark is Mark.NO
    raise SystemExit(int(failed))

"""`alertprof explain`: what would become of the alerts of a message."""

import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.configuration import settings_of
from app.cli.console import fail, tell
from app.cli.options import DEFAULT_STORAGE, AsJson, Config, Storage

if TYPE_CHECKING:
    from app.explain.explanation import Explanation

EXPECTED = (
    'Give a webhook message, or labels such as {"alertname": "HighCPU", "instance": "HOST:8080"}, in a file or as -.'
)


def explain(
    alert: Annotated[str, typer.Argument(metavar="ALERT.json|-", help="A webhook body, or one alert's labels.")],
    *,
    config_file: Config = None,
    storage_path: Storage = DEFAULT_STORAGE,
    connect: Annotated[
        bool, typer.Option("--connect", help="Look at the hosts too; nothing is changed there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what would become of alerts, and why not more. Sends no signal. Exit 1 unless each leads to a capture."""
    from app.cli import render  # noqa: PLC0415
    from app.cli.dry_run import explanations  # noqa: PLC0415

    body = content_of(alert)
    settings = settings_of(config_file, storage_path)
    explained = explanations(settings, body, connect=connect)
    if isinstance(explained, str):
        fail(f"{'the input' if alert == '-' else alert}: {explained} {EXPECTED}", 2)
    would = sum(explanation.would for explanation in explained)
    last = f"{would} of {len(explained)} alert{'' if len(explained) == 1 else 's'} would lead to a capture."
    tell(answer(explained), chain(render.explanations(explained), [last]), as_json=as_json)
    raise SystemExit(0 if would == len(explained) else 1)


def answer(explained: Sequence["Explanation"]) -> dict[str, Any]:
    """What POST /explain answers."""
    from app.explain.explanation import Explained  # noqa: PLC0415
    from app.web.api.schemas.explanation import ExplainedOut  # noqa: PLC0415

    return ExplainedOut.model_validate(Explained(tuple(explained))).model_dump(mode="json")


def content_of(file: str) -> bytes:
    """The bytes of `file`, or of stdin for "-". Exits with 2 when they cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}. {EXPECTED}", 2)

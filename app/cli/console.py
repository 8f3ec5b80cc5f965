"""Writing to the terminal, and ending with an exit code. Every command uses it."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import typer


def plain(text: object) -> str:
    """`text` with every character that could move the cursor or colour the terminal written as its escape.

    The texts come from alerts and from other people's processes.
    """
    raw = str(text)
    return raw if raw.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in raw)


def say(lines: Iterable[str]) -> None:
    """Prints the lines to stdout as they are: escape foreign text with plain() first."""
    for line in lines:
        typer.echo(line)


def say_json(document: Any) -> None:
    """Prints the document to stdout as JSON. What is not ASCII becomes an escape, so no text moves the cursor."""
    typer.echo(json.dumps(document, indent=2))


def tell(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Prints the document as JSON where that is wanted, otherwise the lines that say the same."""
    if as_json:
        say_json(document)
    else:
        say(lines)


def fail(sentence: str, code: int = 1) -> NoReturn:
    """Prints `sentence` to stderr, escaped, and exits with `code` (1: it is not so, 2: wrong usage)."""
    for line in sentence.splitlines():
        typer.echo(f"alertprof: {plain(line)}", err=True)
    raise SystemExit(code)

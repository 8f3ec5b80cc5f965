"""The words of a request to the gate, and of its answers: each is taken in its exact shape only. Pure."""

import re

from app.model import ProcessId

Words = tuple[str, ...]  # a request: its verb, and its arguments


def number(value: int) -> str:
    if not 0 <= value < 10**20:
        raise ValueError(f"not a number that the gate takes: {value}")
    return str(value)


def shaped(text: str, shape: str, what: str) -> str:
    """`text`, if all of it has the shape of `what`. Raises ValueError."""
    if not re.fullmatch(shape, text, re.ASCII):
        raise ValueError(f"no {what}: {text[:40]!r}")
    return text


def number_in(text: str) -> int:
    return int(shaped(text, r"\d{1,20}", "number"))


def image_in(text: str) -> str:
    return shaped(text, r"\d{1,20}:\d{1,20}", "image")


def hexword(token: str) -> str:
    return shaped(token, r"[0-9a-f]{32}", "token of 32 hex digits")


def words_of(process: ProcessId) -> tuple[str, str, str]:
    return number(process.pid), number(process.start), image_in(process.image)


def about(pid: int) -> tuple[Words, ...]:
    """The requests of Gate.process and Gate.look_at_scene about a process, in this order."""
    return ("see", number(pid)), ("look", number(pid)), ("scene", number(pid))

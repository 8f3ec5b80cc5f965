"""What a host pool tells of its work: logins, verbs, tunnels. main.py counts them and writes them to the audit log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import Reason


def ignored(*_: Any) -> None:
    """Does nothing."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Called from any thread; each has to return at once and never raises.

    login: host, the user where it succeeded, seconds, and why it failed if it did
    request: host, verb and its words, just before they are sent to the host's gate
    tunnel: host, address and port, just before a TCP connection from the host is asked for
    """

    login: Callable[[str, str, float, Reason | None], None] = ignored
    request: Callable[[str, str, Sequence[str]], None] = ignored
    tunnel: Callable[[str, str, int], None] = ignored


SILENT = Observer()

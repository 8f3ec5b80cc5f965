"""What every notifier has: it is told of a capture that has ended, and tells others, or sends the profiles on.

A kind is one module with one frozen dataclass, whose fields are its options in the configuration. It subclasses
Notifier, or Endpoint if it speaks HTTP. It may be asked to deliver the same notification again: `key` is the same then.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from app.model import Artifact, Capture

LARGEST_SECRET = 64 << 10  # bytes


class Undelivered(Exception):
    """The notification was not delivered. The text says why, and what would help; it holds no secret.

    final: trying again would change nothing. wait: the seconds that the receiver asks for before the next attempt.
    """

    def __init__(self, message: str, *, final: bool = False, wait: float | None = None) -> None:
        super().__init__(message)
        self.final, self.wait = final, wait


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told about one capture.

    key: the same for every attempt to deliver this to this notifier, and for nothing else
    capture: it has ended
    document: the documented JSON: `version`, `key`, `event`, `link`, `alert_link`, `capture`
    read: the bytes of an artifact; raises OSError
    """

    key: str
    capture: Capture
    document: Mapping[str, Any]
    read: Callable[[Artifact], Iterator[bytes]]


class Notifier(ABC):
    """One way to tell. archives: it keeps profiles, so that it also gets captures that no alert asked for."""

    __slots__ = ()
    archives: ClassVar[bool] = False

    @abstractmethod
    def tell(self, notification: Notification) -> None:
        """Delivers it. Raises Undelivered."""


def secret(file: str) -> str:
    """The first line of a file, read when it is used. Raises Undelivered."""
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(LARGEST_SECRET).decode("utf-8")
    except OSError as fault:
        raise Undelivered(f"{file} cannot be read: {fault.strerror}; it has to hold the secret") from fault
    except UnicodeDecodeError as fault:
        raise Undelivered(f"{file} is no text; it has to hold the secret in its first line") from fault
    line = text.strip().partition("\n")[0].strip()
    if not line or not line.isprintable():
        raise Undelivered(f"{file} holds no secret in its first line")
    return line


def only_one(kind: str, **options: str) -> None:
    """Raises ValueError unless exactly one of these options is set."""
    if sum(map(bool, options.values())) != 1:
        raise ValueError(f"{kind} needs one of {' and '.join(options)}, and not both")

"""Which processes the last alerts were about, so that more alerts about the same one need no further look at its host.

Only alerts about a process on which a capture is active are spared the look: they are served by that capture. Used by
resolve.py.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from app.model import Target

ONE_OF = "one of"  # the key in the notes of a capture that is one of several
LASTS = timedelta(seconds=5)  # within which a process is taken for the one that the same labels mean now
MOST = 1000  # processes


class Asked(Mapping[str, str]):
    """Labels that note which of them were asked for. names: those, also such as there are not."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels, self.names = labels, set[str]()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._labels[name]

    def __iter__(self) -> Iterator[str]:
        self.names.update(self._labels)
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def answers(self) -> Mapping[str, str | None]:
        """What was asked for, and what the answer was."""
        return {name: self._labels.get(name) for name in sorted(self.names)}


@dataclass(frozen=True, slots=True)
class Seen:
    """A process that was found. rule: by name; by: what its resolver asked of the labels; key: the process key."""

    at: datetime
    rule: str
    by: Mapping[str, str | None]
    key: str
    target: Target


class SeenLately:
    """The processes that were found within the last seconds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._all: deque[Seen] = deque(maxlen=MOST)

    def note(self, seen: Seen) -> None:
        with self._lock:
            self._all.append(seen)

    def find(self, rule: str, labels: Mapping[str, str], now: datetime) -> Seen | None:
        """The process that these labels led to under this rule a moment ago; None if they did not."""
        with self._lock:
            while self._all and self._all[0].at < now - LASTS:
                self._all.popleft()
            fits = (
                seen
                for seen in reversed(self._all)
                if seen.rule == rule and all(labels.get(name) == value for name, value in seen.by.items())
            )
            return next(fits, None)

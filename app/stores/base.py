"""What a store of artifacts can do. A file lies under `<capture id>/<name>`, and appears whole or not at all."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.stores.spool import Spool

MARK = ".ledger"  # the name of the mark; no capture's id begins with a dot
PAGE = 1000  # files in one page of a list


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that the store has. changed_at: when it was stored, by the store's clock."""

    key: str
    changed_at: datetime


class Store(ABC):
    """Every method raises OSError for a full or failing disk, or for an object store that does not answer.

    spool: where files lie that are not checked yet; name: of the store, for people; remote: whether it is reached over
    a network, as an object store is."""

    spool: Spool
    name: str
    remote: bool

    @property
    def mark_name(self) -> str:
        """Where the mark lies, for people."""
        return f"{self.name}/{MARK}"

    def incoming(self, capture_id: str) -> AbstractContextManager[Path]:
        """A local directory for files that are not checked yet. It is removed at the end of the block."""
        return self.spool.incoming(capture_id)

    @property
    def cache(self) -> Path:
        """A local directory for what can be made anew of the artifacts. What it has of a capture, in a directory with
        the capture's id, is deleted with it."""
        return self.spool.cache

    def free_bytes(self) -> int:
        """Free bytes on the disk of files that arrive; 0 if that is unknown."""
        return self.spool.free_bytes()

    def shortage(self) -> str | None:
        """Why files cannot be stored, after one did not fit; None once one was stored again, or more space is free."""
        return self.spool.shortage()

    def outage(self) -> str | None:
        """Why files need not be brought here now: the store has just failed to take one. None if it is not known to
        fail. It asks nothing of the store."""
        return None

    @abstractmethod
    def put(self, key: str, source: Path) -> None:
        """Stores the file `source` under `key`, replacing an earlier one. It is durable when this returns."""

    @abstractmethod
    def refusal(self) -> str | None:
        """Why no file can be written now, found out by writing one; None if it can."""

    @abstractmethod
    def local(self, key: str) -> AbstractContextManager[Path]:
        """The path of the file on this machine, for as long as the block lasts, for a program that reads files. Nothing
        is there where the store has no such file, or cannot read it now."""

    @abstractmethod
    def read(self, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `end`. Raises FileNotFoundError; OSError later, too."""

    @abstractmethod
    def delete_all(self, capture_id: str) -> None:
        """Deletes all files of a capture, if there are any. If it is interrupted, sweep() finishes the deletion."""

    @abstractmethod
    def sweep(self) -> None:
        """Removes files that were being stored or deleted when the service was killed. Called when the service starts.

        Files without a row stay: captures/orphans.py removes them."""

    @abstractmethod
    def finish_deletions(self) -> None:
        """Finishes each delete_all that was interrupted, of any replica."""

    @abstractmethod
    def listed(self, after: str) -> Iterator[Sequence[Entry]]:
        """The files of captures whose keys are greater than `after`, in the order of their keys, a page at a time."""

    @abstractmethod
    def discard(self, keys: Sequence[str]) -> None:
        """Deletes these files; those that are gone already are no fault."""

    @abstractmethod
    def time(self) -> datetime:
        """The time of the clock that Entry.changed_at is of."""

    @abstractmethod
    def mark(self) -> bytes:
        """The mark that says to whom the store belongs; empty if there is none."""

    @abstractmethod
    def set_mark(self, mark: bytes) -> None:
        """Writes the mark, in the place of an earlier one."""

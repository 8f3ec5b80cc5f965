"""What a store of artifacts can do. A file lies under `<capture id>/<name>`, and appears whole or not at all."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from app.stores.spool import Spool


class Store(ABC):
    """Every method raises OSError for a full or failing disk, or for an object store that does not answer.

    spool: where files lie that are not checked yet."""

    spool: Spool

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

        Files without a row stay: the database may be an older one, or that of another service."""

"""Artifacts in a local directory.

The original on the host is deleted once we have stored the file, so the file and its directory are synced first.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.stores.base import Store
from app.stores.spool import Spool, sync

CHUNK = 1 << 20
DELETED = ".going"


class Directory(Store):
    """folder: it is made if need be, readable only by this user."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder)
        self._folder = self.spool.folder

    def put(self, key: str, source: Path) -> None:
        place = self.path(key)
        with self.incoming(place.parent.name) as folder:
            half = Path(shutil.copyfile(source, folder / "half"))
            half.chmod(0o600)
            sync(half)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            half.rename(place)
        for each in (place.parent, self._folder):
            sync(each)
        self.spool.took()

    def refusal(self) -> str | None:
        return self.spool.refusal()

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        yield self.path(key)

    def read(self, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        with self.path(key).open("rb") as file:
            at = file.seek(start or 0)
            while piece := file.read(CHUNK if end is None else max(min(CHUNK, end - at), 0)):
                at += len(piece)
                yield piece

    def delete_all(self, capture_id: str) -> None:
        shutil.rmtree(self.cache / capture_id, ignore_errors=True)
        going = self.spool.place(DELETED) / capture_id
        with suppress(FileNotFoundError):
            self.path(capture_id).rename(going)
            shutil.rmtree(going)

    def sweep(self) -> None:
        self.spool.sweep()
        for folder in self.spool.place(DELETED).iterdir():
            shutil.rmtree(folder, ignore_errors=True)

    def path(self, key: str) -> Path:
        """Where a file lies, or would lie. Raises ValueError for a key that leaves the store."""
        place = (self._folder / key).resolve()
        if not place.is_relative_to(self._folder):
            raise ValueError(f"no key of this store: {key!r}")
        return place

"""Artifacts in a local directory.

The original on the host is deleted once we have stored the file, so the file and its directory are synced first.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from app.stores.base import MARK, PAGE, Entry, Store
from app.stores.spool import INCOMING, Spool, sync

CHUNK = 1 << 20
DELETED = ".going"


class Directory(Store):
    """folder: it is made if need be, readable only by this user."""

    remote = False

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder)
        self._folder = self.spool.folder
        self.name = str(self._folder)

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
        self.finish_deletions()

    def finish_deletions(self) -> None:
        for folder in self.spool.place(DELETED).iterdir():
            shutil.rmtree(folder, ignore_errors=True)

    def listed(self, after: str) -> Iterator[Sequence[Entry]]:
        entries = self._entries(after)
        while page := list(islice(entries, PAGE)):
            yield page

    def _entries(self, after: str) -> Iterator[Entry]:
        folders = (folder.name for folder in self._folder.iterdir() if not folder.name.startswith("."))
        for capture in sorted(name for name in folders if name >= after.partition("/")[0]):
            with suppress(FileNotFoundError, NotADirectoryError):  # it is being deleted, or is no capture's
                for file in sorted(self.path(capture).iterdir()):
                    if (key := f"{capture}/{file.name}") > after:
                        yield Entry(key, changed_at(file))

    def discard(self, keys: Sequence[str]) -> None:
        for place in map(self.path, keys):
            place.unlink(missing_ok=True)
            with suppress(OSError):  # other files are in it
                place.parent.rmdir()

    def time(self) -> datetime:
        with tempfile.NamedTemporaryFile(dir=self.spool.place(INCOMING)) as file:
            return changed_at(Path(file.name))

    def mark(self) -> bytes:
        try:
            return self.path(MARK).read_bytes()
        except FileNotFoundError:
            return b""

    def set_mark(self, mark: bytes) -> None:
        with self.incoming(MARK) as folder:
            (half := folder / MARK).write_bytes(mark)
            sync(half)
            half.rename(self.path(MARK))

    def path(self, key: str) -> Path:
        """Where a file lies, or would lie. Raises ValueError for a key that leaves the store."""
        place = (self._folder / key).resolve()
        if not place.is_relative_to(self._folder):
            raise ValueError(f"no key of this store: {key!r}")
        return place


def changed_at(path: Path) -> datetime:
    """When the file was last written, by the clock of its file system."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)

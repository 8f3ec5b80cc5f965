"""Stores artifacts, one file each, under `<capture id>/<name>`. A file appears whole or not at all.

obstore's local store writes to a temporary name and renames, but does not fsync. The original on the host is deleted
once we have stored the file, so the file and its directory are synced first.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

CHUNK = 1 << 20
INCOMING, DELETED, CACHE = ".incoming", ".going", ".cache"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
ENOUGH_MORE = 1 << 20  # bytes that have to become free before another try makes sense
REMEDIES = {
    **dict.fromkeys(NO_ROOM, "free some space"),
    errno.EROFS: "it lies on a read-only file system; mount that writable, or look into the kernel's log for its disk",
    errno.ENOENT: "it is gone; mount it or make the folder again, or let storage.artifacts name another",
    errno.ENOTDIR: "something else has its place; let storage.artifacts name a folder",
    errno.EEXIST: "something else has its place; let storage.artifacts name a folder",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "the folder has to belong to the user that alertprof runs as"),
}


class Store:
    """Artifacts in a local directory, readable only by this user.

    folder: the directory; it is made if need be. Every method raises OSError for a full or failing disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            for place in (INCOMING, DELETED, CACHE):
                self._place(place)
        except OSError as fault:
            raise OSError(self._unwritable(fault)) from fault
        self._objects = LocalStore(prefix=str(self._folder))
        self._free_when_full: int | None = None  # bytes that were free when a file did not fit

    @contextmanager
    def incoming(self, capture_id: str) -> Iterator[Path]:
        """A directory on the same disk for files that are not checked yet. It is removed at the end of the block."""
        with self._noticing_full_disk():
            folder = Path(tempfile.mkdtemp(prefix=f"{capture_id}-", dir=self._place(INCOMING)))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def cache(self) -> Path:
        """A directory for what can be made anew of the artifacts. What it has of a capture, in a directory with the
        capture's id, is deleted with it."""
        return self._folder / CACHE

    def put(self, key: str, source: Path) -> None:
        """Stores the file `source` under `key`, replacing an earlier one. It is durable when this returns."""
        try:
            obstore.put(self._objects, key, source)
        except BaseError as fault:
            raise as_os_error(fault) from fault
        place = self.path(key)
        place.chmod(0o600)
        for each in (place, place.parent, place.parent.parent):
            sync(each)
        self._free_when_full = None

    def free_bytes(self) -> int:
        """Free bytes on the disk; 0 if that is unknown."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return 0

    def shortage(self) -> str | None:
        """Why files cannot be stored, after one did not fit; None once one was stored again, or more space is free."""
        free = self.free_bytes()
        if self._free_when_full is None or free >= self._free_when_full + ENOUGH_MORE:
            return None
        return (
            f"the store {self._folder} had no room for a file ({free >> 20} MiB are free): files stay on their hosts "
            "until there is; free some space, or let storage.retention keep less"
        )

    def refusal(self) -> str | None:
        """Why no file can be written now, found out by writing one; None if it can."""
        try:
            with tempfile.TemporaryFile(dir=self._place(INCOMING), buffering=0) as file:
                file.write(b"?")
        except OSError as fault:
            return f"{self._unwritable(fault)}; files stay on their hosts until it can"
        return None

    def _unwritable(self, fault: OSError) -> str:
        remedy = REMEDIES.get(fault.errno or 0, "look into the kernel's log for its disk")
        return f"the store {self._folder} cannot be written ({fault.strerror or fault}): {remedy}"

    def _place(self, name: str) -> Path:
        """A directory of ours in the store, made if it is missing. The store itself is never made here: it may be a
        disk that is not mounted."""
        place = self._folder / name
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    @contextmanager
    def _noticing_full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            if fault.errno in NO_ROOM:
                self._free_when_full = self.free_bytes()
            raise

    def path(self, key: str) -> Path:
        """The path of an object, for a program that reads a file. Raises ValueError for a key that leaves the store."""
        place = (self._folder / key).resolve()
        if not place.is_relative_to(self._folder):
            raise ValueError(f"no key of this store: {key!r}")
        return place

    def read(self, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `end`. Raises FileNotFoundError; OSError later, too."""
        first = start or 0
        if end is not None and end <= first:
            return
        options: obstore.GetOptions = {"range": {"offset": first} if end is None else (first, end)}
        if first == 0 and end is None:
            options = {}  # of an empty file even the range from its first byte is refused
        try:
            for piece in obstore.get(self._objects, key, options=options).stream(min_chunk_size=CHUNK):
                yield bytes(piece)
        except BaseError as fault:
            raise as_os_error(fault) from fault

    def delete_all(self, capture_id: str) -> None:
        """Deletes all files of a capture, if there are any. If it is interrupted, sweep() finishes the deletion."""
        shutil.rmtree(self.cache / capture_id, ignore_errors=True)
        going = self._place(DELETED) / capture_id
        with suppress(FileNotFoundError):
            self.path(capture_id).rename(going)
            shutil.rmtree(going)

    def sweep(self) -> None:
        """Removes files that were being stored or deleted when the service was killed. Called when the service starts.

        Files without a row stay: the database may be an older one, or that of another service."""
        for place in (INCOMING, DELETED):
            for folder in self._place(place).iterdir():
                shutil.rmtree(folder, ignore_errors=True)
        for half in self._folder.glob("*/*#[0-9]*"):  # obstore's temporary names; ours have no #
            half.unlink(missing_ok=True)


def as_os_error(fault: BaseError) -> OSError:
    """The error as an OSError. obstore's exceptions are none, and have the number only in their text."""
    first_line = str(fault).partition("\n")[0]
    number = re.search(r"\(os error (\d+)\)", first_line)
    return OSError(int(number[1]) if number else errno.EIO, first_line)


def sync(path: Path) -> None:
    """fsync of a file or a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

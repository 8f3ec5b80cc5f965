"""Where artifacts rest: one file an artifact, whole or not at all, under `<capture id>/<our name>`.

obstore's local store writes to a temporary name and renames, but does not fsync; the remote original is removed on our
word, so the file and its folder are synced here before that word is given.
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
INCOMING, GOING = ".incoming", ".going"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
NEWS = 1 << 20  # bytes; less room more than before is none
REMEDIES = {
    **dict.fromkeys(NO_ROOM, "free some space"),
    errno.EROFS: "it lies on a read-only file system; mount that writable, or look into the kernel's log for its disk",
    errno.ENOENT: "it is gone; mount it or make the folder again, or let storage.artifacts name another",
    errno.ENOTDIR: "something else has its place; let storage.artifacts name a folder",
    errno.EEXIST: "something else has its place; let storage.artifacts name a folder",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "the folder has to belong to the user that alertprof runs as"),
}


class Store:
    """Artifacts in a local folder, readable by this user alone. Raises OSError for a full or failing disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            for place in (INCOMING, GOING):
                self._place(place)
        except OSError as fault:
            raise OSError(self._unfit(fault)) from fault
        self._objects = LocalStore(prefix=str(self._folder))
        self._lacking: int | None = None  # what was free when a file found no room

    @contextmanager
    def incoming(self, capture_id: str) -> Iterator[Path]:
        """A folder for files that are not judged yet, on the same disk; removed at the end, whatever happened."""
        with self._minding_room():
            folder = Path(tempfile.mkdtemp(prefix=f"{capture_id}-", dir=self._place(INCOMING)))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def put(self, key: str, source: Path) -> None:
        """The file becomes the object `key`, replacing what had that name; durable when this returns."""
        try:
            obstore.put(self._objects, key, source)
        except BaseError as fault:
            raise as_os_error(fault) from fault
        place = self.path(key)
        place.chmod(0o600)
        for each in (place, place.parent, place.parent.parent):
            sync(each)
        self._lacking = None

    def free_bytes(self) -> int:
        """Room on the disk; 0 where that cannot be told."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return 0

    def shortage(self) -> str | None:
        """Why nothing comes home; None once a file was taken again, or there is more room than when one was not."""
        free = self.free_bytes()
        if self._lacking is None or free >= self._lacking + NEWS:
            return None
        return (
            f"the store {self._folder} had no room for a file ({free >> 20} MiB are free): files stay on their hosts "
            "until there is; free some space, or let storage.retention keep less"
        )

    def refusal(self) -> str | None:
        """Why no file can be written just now, found out by writing one."""
        try:
            with tempfile.TemporaryFile(dir=self._place(INCOMING), buffering=0) as file:
                file.write(b"?")
        except OSError as fault:
            return f"{self._unfit(fault)}; files stay on their hosts until it can"
        return None

    def _unfit(self, fault: OSError) -> str:
        remedy = REMEDIES.get(fault.errno or 0, "look into the kernel's log for its disk")
        return f"the store {self._folder} cannot be written ({fault.strerror or fault}): {remedy}"

    def _place(self, name: str) -> Path:
        """A folder of ours in the store, made again where the store was put back empty; never the store itself, which
        may be a disk that is not mounted."""
        place = self._folder / name
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    @contextmanager
    def _minding_room(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            if fault.errno in NO_ROOM:
                self._lacking = self.free_bytes()
            raise

    def path(self, key: str) -> Path:
        """Where an object lies: for reading by a program that wants a file."""
        place = (self._folder / key).resolve()
        if not place.is_relative_to(self._folder):
            raise ValueError(f"no key of this store: {key!r}")
        return place

    def read(self, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `end`. Raises FileNotFoundError."""
        first = start or 0
        if end is not None and end <= first:
            return
        options: obstore.GetOptions = {"range": {"offset": first} if end is None else (first, end)}
        for piece in obstore.get(self._objects, key, options=options).stream(min_chunk_size=CHUNK):
            yield bytes(piece)

    def delete_all(self, capture_id: str) -> None:
        """Everything of one capture; nothing to delete is no error. Cut off in the middle, the next sweep goes on."""
        going = self._place(GOING) / capture_id
        with suppress(FileNotFoundError):
            self.path(capture_id).rename(going)
            shutil.rmtree(going)

    def sweep(self) -> None:
        """Removes what an earlier life was bringing home or deleting when it was killed. For the start of the service.

        What has no row stays: the database may be an older one, or another's."""
        for place in (INCOMING, GOING):
            for folder in self._place(place).iterdir():
                shutil.rmtree(folder, ignore_errors=True)
        for half in self._folder.glob("*/*#[0-9]*"):  # obstore's own temporary names; ours have no such sign
            half.unlink(missing_ok=True)


def as_os_error(fault: BaseError) -> OSError:
    """obstore's own exceptions are no OSError and name the number in their text only."""
    said = str(fault).partition("\n")[0]
    number = re.search(r"\(os error (\d+)\)", said)
    return OSError(int(number[1]) if number else errno.EIO, said)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The local directory where files lie while they arrive, and whether its disk is full."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

INCOMING, CACHE, LOCK = ".incoming", ".cache", ".lock"
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


class Life:
    """A name that no other service has, with a lock beside it that the kernel holds for as long as this one lives."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid4().hex
        (file := folder / f"{self.name}{LOCK}").touch()
        self._lock = file.open("rb")  # open for writing, it would keep the disk from being mounted read-only
        fcntl.flock(self._lock, fcntl.LOCK_SH)


def lives(folder: Path, name: str) -> bool:
    """Whether the service of this name lives. Removes its lock if it does not."""
    lock = folder / f"{name}{LOCK}"
    try:
        with lock.open("r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.unlink()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


class Spool:
    """folder: it is made if need be, readable only by this user. Raises OSError where that cannot be done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self._life = Life(self.place(INCOMING))
        except OSError as fault:
            raise OSError(self.unwritable(fault)) from fault
        self._free_when_full: int | None = None  # bytes that were free when a file did not fit

    def place(self, name: str) -> Path:
        """A directory of ours in the folder, made if it is missing. The folder itself is never made here: it may be a
        disk that is not mounted."""
        place = self.folder / name
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    @contextmanager
    def incoming(self, capture_id: str) -> Iterator[Path]:
        """A directory for files that are not checked yet. It is removed at the end of the block."""
        with self._noticing_full_disk():
            ours = self.place(f"{self.place(INCOMING).name}/{self._life.name}")
            folder = Path(tempfile.mkdtemp(prefix=f"{capture_id}-", dir=ours))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def cache(self) -> Path:
        """A directory for what can be made anew of the artifacts, those of a capture in a directory with its id."""
        return self.place(CACHE)

    def free_bytes(self) -> int:
        """Free bytes on the disk; 0 if that is unknown."""
        try:
            return shutil.disk_usage(self.folder).free
        except OSError:
            return 0

    def took(self) -> None:
        """A file was stored: there is room again."""
        self._free_when_full = None

    def shortage(self) -> str | None:
        """Why files cannot be stored, after one did not fit; None once one was stored again, or more space is free."""
        free = self.free_bytes()
        if self._free_when_full is None or free >= self._free_when_full + ENOUGH_MORE:
            return None
        return (
            f"the store {self.folder} had no room for a file ({free >> 20} MiB are free): files stay on their hosts "
            "until there is; free some space, or let storage.retention keep less"
        )

    def refusal(self) -> str | None:
        """Why no file can be written now, found out by writing one; None if it can."""
        try:
            with tempfile.TemporaryFile(dir=self.place(INCOMING), buffering=0) as file:
                file.write(b"?")
        except OSError as fault:
            return f"{self.unwritable(fault)}; files stay on their hosts until it can"
        return None

    def sweep(self) -> None:
        """Removes what arrived for services that do not live any more. Another replica may share the folder."""
        incoming = self.place(INCOMING)
        for name in {each.name.removesuffix(LOCK) for each in incoming.iterdir()}:
            if not lives(incoming, name):
                shutil.rmtree(incoming / name, ignore_errors=True)

    def unwritable(self, fault: OSError) -> str:
        """What cannot be done, why, and the remedy."""
        remedy = REMEDIES.get(fault.errno or 0, "look into the kernel's log for its disk")
        return f"the store {self.folder} cannot be written ({fault.strerror or fault}): {remedy}"

    @contextmanager
    def _noticing_full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            if fault.errno in NO_ROOM:
                self._free_when_full = self.free_bytes()
            raise


def sync(path: Path) -> None:
    """fsync of a file or a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Artifacts in an object store: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

obstore signs, retries for a while and sends large files in parts; an object appears when its last part is there. Each
question is bounded, so a file is read in pieces and a slow reader holds no connection.
"""

import errno
import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import from_url

from app.stores.base import MARK, PAGE, Entry, Store
from app.stores.bucket import Bucket
from app.stores.refused import sentence
from app.stores.spool import Spool

PIECE = 8 << 20  # bytes; S3 takes no parts below 5 MiB
PARTS_AT_ONCE = 4
TIMEOUTS = {"connect_timeout": "5s", "timeout": "60s"}  # of one question, with its piece
RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
# Of small questions on which a start or a request to /-/ready waits.
QUICK = {"connect_timeout": "3s", "timeout": "5s"}
QUICK_RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=5)}
SMALL = 1 << 20  # bytes of a file that is a small question
AT_START = 5.0  # seconds for deletions; what is left is done later
PROVED = 10.0  # seconds for which the last proof that the store takes files is believed
MISSING = (NotFoundError, FileNotFoundError)
FAULTS = (BaseError, FileNotFoundError)  # the latter for a missing bucket, too
UNTIL = "; files stay on their hosts until it takes them"
DELETED, PROOF = ".going", ".proof"
MOST_OF_MARK = 4096  # bytes


class Objects(Store):
    """bucket: raises OSError where it can never be one, as without an account."""

    remote = True

    def __init__(self, bucket: Bucket) -> None:
        self.spool, self.name, self._bucket = Spool(bucket.spool), bucket.url, bucket
        self._objects = self._client(TIMEOUTS, RETRY)
        self._quick = self._client(QUICK, QUICK_RETRY)
        self._proof, self._proving = f"{PROOF}/{uuid4()}", Lock()
        self._proved: tuple[float, str | None] | None = None

    def _client(self, timeouts: Mapping[str, str], retry: Any) -> Any:
        options, secrets = self._bucket.options, self._bucket.secrets
        client: Any = {**timeouts, "allow_http": options.get("endpoint", "").startswith("http://")}
        config: Any = {**options, **{name: secret(file) for name, file in secrets.items()}}
        try:
            return from_url(self._bucket.url, config=config, client_options=client, retry_config=retry)
        except BaseError as fault:
            raise OSError(self._unusable(fault)) from fault

    def put(self, key: str, source: Path) -> None:
        """Fails at once for a while after the store did not answer: what it is asked before a signal must not delay
        the signal of every capture."""
        if outage := self.outage():
            raise OSError(errno.EIO, outage)
        objects = self._quick if source.stat().st_size <= SMALL else self._objects
        try:
            obstore.put(objects, key, source, chunk_size=PIECE, max_concurrency=PARTS_AT_ONCE)
        except FAULTS as fault:
            said = self._unusable(fault)
            self._proved = (monotonic(), f"{said}{UNTIL}")
            raise OSError(errno.EIO, said) from fault
        if not self._bucket.verifies and self._read_back(key) != self._sum(pieces(source)):
            raise OSError(errno.EIO, f"{self._bucket.url} gives back another {key} than it was sent")
        self.spool.took()
        self._proved = (monotonic(), None)

    def outage(self) -> str | None:
        at, said = self._proved or (0.0, None)
        return said if monotonic() - at <= PROVED else None

    def refusal(self) -> str | None:
        if local := self.spool.refusal():
            return local
        with self._proving:
            if self._proved is None or monotonic() - self._proved[0] > PROVED:
                self._proved = (monotonic(), self._prove())
            return self._proved[1]

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with self.incoming(key.partition("/")[0]) as folder:
            place, half = folder / "file", folder / "half"
            with suppress(OSError):
                with half.open("wb") as file:
                    file.writelines(self.read(key))
                half.rename(place)
            yield place

    def read(self, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        with self._as_os_errors():
            size = obstore.head(self._objects, key)["size"]
        at, until = start or 0, size if end is None else min(end, size)
        while at < until:
            with self._as_os_errors():
                piece = bytes(obstore.get_range(self._objects, key, start=at, end=min(at + PIECE, until)))
            if len(piece) != min(PIECE, until - at):
                raise OSError(errno.EIO, f"{self._bucket.url} gives {len(piece)} bytes of {key} in the place of a part")
            at += len(piece)
            yield piece

    def _read_back(self, key: str) -> str:
        try:
            return self._sum(self.read(key))
        except FileNotFoundError as fault:  # not to be taken for a file that never was
            raise OSError(errno.EIO, f"{self._bucket.url} took {key} and does not have it") from fault

    def delete_all(self, capture_id: str) -> None:
        shutil.rmtree(self.cache / capture_id, ignore_errors=True)
        self._delete(self._objects, capture_id)

    def _delete(self, objects: Any, capture_id: str) -> None:
        with self._as_os_errors():
            obstore.put(objects, f"{DELETED}/{capture_id}", b"")
            seen = set[str]()
            for listed in obstore.list(objects, prefix=capture_id):
                keys = {each["path"] for each in listed if each["path"].startswith(f"{capture_id}/")}
                if seen & keys:
                    raise OSError(errno.EIO, f"{self._bucket.url} lists {min(seen & keys)} again and again")
                seen |= keys
                _remove(objects, sorted(keys))
            _remove(objects, [f"{DELETED}/{capture_id}"])

    def sweep(self) -> None:
        """Also finishes the deletions that another replica has begun; it may do the same at this moment. What was made
        of captures that another one has deleted goes, too."""
        self.spool.sweep()
        shutil.rmtree(self.cache)
        with suppress(OSError):  # the store may be down: the service starts all the same
            self._finish(self._quick, monotonic() + AT_START)

    def finish_deletions(self) -> None:
        self._finish(self._objects, inf)

    def _finish(self, objects: Any, until: float) -> None:
        with self._as_os_errors():
            for listed in obstore.list(objects, prefix=DELETED):
                for each in listed:
                    if monotonic() > until:
                        return
                    self._delete(objects, each["path"].rpartition("/")[2])

    def listed(self, after: str) -> Iterator[Sequence[Entry]]:
        asked = after  # servers of Azure's protocol begin with this one, or before it
        with self._as_os_errors():
            for listed in obstore.list(self._objects, offset=after or None, chunk_size=PAGE):
                entries = [Entry(each["path"], each["last_modified"]) for each in listed]
                if page := [entry for entry in entries if entry.key > asked and not entry.key.startswith(".")]:
                    keys = [after, *(entry.key for entry in page)]
                    if any(key >= following for key, following in pairwise(keys)):
                        raise OSError(errno.EIO, f"{self._bucket.url} does not list its objects in their order")
                    after = keys[-1]
                    yield page

    def discard(self, keys: Sequence[str]) -> None:
        with self._as_os_errors():
            _remove(self._objects, keys)

    def time(self) -> datetime:
        with self._as_os_errors():
            obstore.put(self._quick, self._proof, b"?")
            stored: datetime = obstore.head(self._quick, self._proof)["last_modified"]
            obstore.delete(self._quick, self._proof)
        return stored

    def mark(self) -> bytes:
        try:
            with self._as_os_errors():
                end = min(obstore.head(self._quick, MARK)["size"], MOST_OF_MARK)
                return bytes(obstore.get_range(self._quick, MARK, start=0, end=end)) if end else b""
        except FileNotFoundError:
            return b""

    def set_mark(self, mark: bytes) -> None:
        with self._as_os_errors():
            obstore.put(self._quick, MARK, mark)

    def _prove(self) -> str | None:
        try:
            obstore.put(self._quick, self._proof, b"?")
            obstore.delete(self._quick, self._proof)
        except FAULTS as fault:
            return f"{self._unusable(fault)}{UNTIL}"
        return None

    def _unusable(self, fault: Exception) -> str:
        return f"the object store {self._bucket.url} cannot be written: {sentence(fault)}"

    @contextmanager
    def _as_os_errors(self) -> Iterator[None]:
        """obstore's exceptions are no OSErrors, except that a missing object is a FileNotFoundError."""
        try:
            yield
        except MISSING as fault:
            raise FileNotFoundError(errno.ENOENT, sentence(fault)) from fault
        except BaseError as fault:
            raise OSError(errno.EIO, f"{self._bucket.url}: {sentence(fault)}") from fault

    @staticmethod
    def _sum(content: Iterator[bytes]) -> str:
        made = hashlib.sha256()
        for piece in content:
            made.update(piece)
        return made.hexdigest()


def _remove(objects: Any, keys: Sequence[str]) -> None:
    """Deletes these. To Google and Azure one that is gone already is a fault, and may leave others undone."""
    try:
        obstore.delete(objects, keys)
    except MISSING:
        for key in keys:
            with suppress(*MISSING):
                obstore.delete(objects, key)


def secret(file: Path) -> str:
    """What the file holds. Raises OSError with a sentence."""
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise OSError(f"{file} cannot be read: {getattr(fault, 'strerror', None) or 'it is no text'}") from fault


def pieces(path: Path) -> Iterator[bytes]:
    """The file's bytes."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece

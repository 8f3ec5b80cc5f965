"""Artifacts in an object store: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

obstore signs, retries for a while and sends large files in parts; an object appears when its last part is there. Each
question is bounded, so a file is read in pieces and a slow reader holds no connection.
"""

import errno
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import from_url

from app.stores.base import Store
from app.stores.bucket import Bucket
from app.stores.spool import Spool

PIECE = 8 << 20  # bytes; S3 takes no parts below 5 MiB
PARTS_AT_ONCE = 4
TIMEOUTS = {"connect_timeout": "5s", "timeout": "60s"}  # of one question, with its piece
RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
PROVED = 10.0  # seconds for which the last proof that the store takes files is believed
DELETED, PROOF = ".going", ".proof"


class Objects(Store):
    """bucket: raises OSError where it can never be one, as without an account."""

    def __init__(self, bucket: Bucket) -> None:
        self.spool, self._bucket = Spool(bucket.spool), bucket
        client: Any = {**TIMEOUTS, "allow_http": bucket.options.get("endpoint", "").startswith("http://")}
        try:
            config: Any = {**bucket.options, **{name: secret(file) for name, file in bucket.secrets.items()}}
            self._objects: Any = from_url(bucket.url, config=config, client_options=client, retry_config=RETRY)
        except BaseError as fault:
            raise OSError(self._unusable(fault)) from fault
        self._proof, self._proving = f"{PROOF}/{uuid4()}", Lock()
        self._proved: tuple[float, str | None] | None = None

    def put(self, key: str, source: Path) -> None:
        with self._as_os_errors():
            obstore.put(self._objects, key, source, chunk_size=PIECE, max_concurrency=PARTS_AT_ONCE)
        if not self._bucket.verifies and self._sum(self.read(key)) != self._sum(pieces(source)):
            raise OSError(errno.EIO, f"{self._bucket.url} gives back another {key} than it was sent")
        self.spool.took()
        self._proved = (monotonic(), None)

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
            at += len(piece)
            yield piece

    def delete_all(self, capture_id: str) -> None:
        shutil.rmtree(self.cache / capture_id, ignore_errors=True)
        with self._as_os_errors():
            obstore.put(self._objects, f"{DELETED}/{capture_id}", b"")
            for listed in obstore.list(self._objects, prefix=capture_id):
                obstore.delete(self._objects, [each["path"] for each in listed])
            obstore.delete(self._objects, f"{DELETED}/{capture_id}")

    def sweep(self) -> None:
        """Also finishes the deletions that another replica has begun; it may do the same at this moment. What was made
        of captures that another one has deleted goes, too."""
        self.spool.sweep()
        shutil.rmtree(self.cache)
        with suppress(OSError), self._as_os_errors():  # the store may be down: the service starts all the same
            for listed in obstore.list(self._objects, prefix=DELETED):
                for each in listed:
                    self.delete_all(each["path"].rpartition("/")[2])

    def _prove(self) -> str | None:
        try:
            obstore.put(self._objects, self._proof, b"?")
            obstore.delete(self._objects, self._proof)
        except BaseError as fault:
            return f"{self._unusable(fault)}; files stay on their hosts until it takes them"
        return None

    def _unusable(self, fault: BaseError) -> str:
        return f"the object store {self._bucket.url} cannot be written: {first_line(fault)}"

    @contextmanager
    def _as_os_errors(self) -> Iterator[None]:
        """obstore's exceptions are no OSErrors, except that a missing object is a FileNotFoundError."""
        try:
            yield
        except (NotFoundError, FileNotFoundError) as fault:
            raise FileNotFoundError(errno.ENOENT, first_line(fault)) from fault
        except BaseError as fault:
            raise OSError(errno.EIO, f"{self._bucket.url}: {first_line(fault)}") from fault

    @staticmethod
    def _sum(content: Iterator[bytes]) -> str:
        made = hashlib.sha256()
        for piece in content:
            made.update(piece)
        return made.hexdigest()


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


def first_line(fault: Exception) -> str:
    """What an exception of obstore says; what follows is for its authors."""
    return str(fault).partition("\n")[0]

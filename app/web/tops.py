"""The top functions of a capture's profile, for the API and the pages. The table of a file never changes, so the last
few are kept.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import BoundedSemaphore, Lock

from starlette.exceptions import HTTPException

from app.analysis.profile import BadProfile
from app.analysis.top import Top
from app.model import Artifact, Capture, Kind
from app.web.parts import Parts, stored

PPROF = (Kind.CPU, Kind.HEAP, Kind.MUTEX, Kind.BLOCK, Kind.THREADCREATE)
KEPT = 64
READERS = 2  # processes that read profiles at once; a hostile file keeps one for half a minute
PATIENCE = 5.0  # seconds; a request that waits keeps one of the framework's 40 threads

Key = tuple[str, int, str | None]


class Tops:
    """Asks `parts.top` once for each file, n and sample type."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.lock, self.places = parts, Lock(), BoundedSemaphore(READERS)
        self.last: OrderedDict[Key, Top] = OrderedDict()

    def of(self, capture: Capture, kind: Kind, n: int, sample_type: str | None = None) -> Top:
        """Raises HTTPException: 404 when there is no such file, 422 when it has no such table, 503 when others are
        reading for long."""
        file = profile_of(capture, kind)
        key = (file.sha256, n, sample_type)
        with self.lock:
            if key in self.last:
                return self.last[key]
        if not self.places.acquire(timeout=PATIENCE):
            raise HTTPException(503, "Other profiles are being read; try again in a moment.", {"Retry-After": "5"})
        try:
            made = self.make(f"{capture.id}/{file.name}", n, sample_type)
        finally:
            self.places.release()
        with self.lock:
            self.last[key] = made
            while len(self.last) > KEPT:
                self.last.popitem(last=False)
        return made

    def make(self, key: str, n: int, sample_type: str | None) -> Top:
        with on_disk(stored(self.parts, key)) as path:
            try:
                return self.parts.top(path, n, sample_type)
            except BadProfile as error:
                raise HTTPException(422, f"{key}: {error}.") from error


def profile_of(capture: Capture, kind: Kind) -> Artifact:
    if kind not in PPROF:
        kinds = ", ".join(PPROF)
        raise HTTPException(422, f"kind: {kind} is no pprof profile and has no such table; ask for one of {kinds}.")
    for artifact in capture.artifacts:
        if artifact.kind is kind:
            return artifact
    has = ", ".join(a.kind for a in capture.artifacts) or "no files"
    raise HTTPException(404, f"This capture has no {kind} profile; it is {capture.state} and has {has}.")


@contextmanager
def on_disk(chunks: Iterator[bytes]) -> Iterator[Path]:
    with NamedTemporaryFile(prefix="alertprof-", suffix=".pprof") as file:
        file.writelines(chunks)
        file.flush()
        yield Path(file.name)

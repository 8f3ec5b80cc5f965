"""The profiles of a capture as tables and call trees, for the API and the pages. A file never changes, so the last
answers are cached.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from app.analysis.flame.asking import SHOWN
from app.analysis.goroutines import Group
from app.analysis.peek import Peek
from app.analysis.profile import BadProfile
from app.analysis.top import Top, first
from app.analysis.tree import Tree
from app.model import Artifact, Capture, Kind
from app.web.parts import Parts, stored

PPROF = (
    Kind.CPU, Kind.HEAP, Kind.ALLOCS, Kind.MUTEX, Kind.BLOCK, Kind.THREADCREATE, Kind.GOROUTINE, Kind.GOROUTINELEAK,
    Kind.OTHER,
)  # fmt: skip
SUFFIX = ".pprof"  # of goroutine profiles, unlike goroutine dumps; of converted files, unlike what they were made of
CACHED = 64  # answers
ROWS = 200  # of a table that is kept, so that a request for more or fewer functions does not read the file again
READERS = 2  # processes that read profiles at once; a hostile file can occupy one for 30 seconds
TIMEOUT = 5.0  # seconds; a waiting request occupies one of the framework's 40 threads

Key = tuple[Hashable, ...]
T = TypeVar("T")


class Profiles:
    """Reads tables, trees and calls with `parts.top`, `parts.tree` and `parts.peek`, once for each file and choice.

    They raise HTTPException: 404 when there is no such profile, 422 when the file cannot be shown this way, 503
    when other requests read for too long.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts, self.lock, self.places = parts, Lock(), BoundedSemaphore(READERS)
        self.last: OrderedDict[Key, Any] = OrderedDict()

    def top(self, capture: Capture, kind: Kind, n: int, sample_type: str | None = None) -> Top:
        """The table of the n functions with the largest flat values. sample_type: the profile's default for None."""
        file, sample_type = profile_of(capture, kind), sample_type or SHOWN.get(kind)
        rows = max(n, ROWS)
        key = ("top", file.sha256, rows, sample_type)
        return first(self.once(key, lambda path: self.parts.top(path, rows, sample_type), (capture, file)), n)

    def tree(self, capture: Capture, kind: Kind, sample_type: str | None = None) -> Tree:
        """The call tree. sample_type: the profile's default for None."""
        file, sample_type = profile_of(capture, kind), sample_type or SHOWN.get(kind)
        key = ("tree", file.sha256, 0, sample_type)
        return self.once(key, lambda path: self.parts.tree(path, sample_type), (capture, file))

    def peek(self, capture: Capture, kind: Kind, function: str, n: int, sample_type: str | None = None) -> Peek:
        """The callers and callees of the functions that fit. sample_type: the profile's default for None."""
        file, sample_type = profile_of(capture, kind), sample_type or SHOWN.get(kind)
        key = ("peek", file.sha256, function, n, sample_type)
        return self.once(key, lambda path: self.parts.peek(path, function, n, sample_type), (capture, file))

    def goroutines(self, capture: Capture, file: Artifact, module: str) -> tuple[Group, ...]:
        """The goroutines of a dump or a goroutine profile in groups; see isolate.goroutines_of."""
        key = ("goroutines", file.sha256, module)
        return self.once(key, lambda path: self.parts.goroutines(path, module), (capture, file))

    def once(self, key: Key, read: Callable[..., T], *files: tuple[Capture, Artifact]) -> T:
        """What `read` makes of the files, each as a path; what it made the last time for this key. A fault is told of
        the first file. Raises HTTPException 410, 422 or 503."""
        with self.lock:
            if key in self.last:
                kept: T = self.last[key]
                return kept
        made = self.read(read, *files)
        with self.lock:
            self.last[key] = made
            while len(self.last) > CACHED:
                self.last.popitem(last=False)
        return made

    def read(self, read: Callable[..., T], *files: tuple[Capture, Artifact]) -> T:
        """What `read` makes of the files, as `once`, but anew."""
        if not self.places.acquire(timeout=TIMEOUT):
            raise HTTPException(503, "Other profiles are being read; try again in a moment.", {"Retry-After": "5"})
        try:
            return self._read(read, *(f"{capture.id}/{file.name}" for capture, file in files))
        finally:
            self.places.release()

    def _read(self, read: Callable[..., T], *stored_as: str) -> T:
        with ExitStack() as open_files:
            paths = [open_files.enter_context(on_disk(stored(self.parts, each))) for each in stored_as]
            try:
                return read(*paths)
            except BadProfile as error:
                raise HTTPException(422, f"{stored_as[0]}: {error}.") from error


def profiles_of(capture: Capture) -> list[Artifact]:
    """The artifacts that have a table and a tree: the first of each kind, in the order of PPROF."""
    first = {a.kind: a for a in reversed(capture.artifacts) if a.kind in PPROF and a.name.endswith(SUFFIX)}
    return [first[kind] for kind in PPROF if kind in first]


def profile_of(capture: Capture, kind: Kind) -> Artifact:
    """The profile of this kind. Raises HTTPException: 404 if there is none, 422 for a kind or file without a table."""
    if kind not in PPROF:
        kinds = ", ".join(PPROF)
        raise HTTPException(422, f"kind: {kind} is no pprof profile and has no such table; ask for one of {kinds}.")
    for artifact in profiles_of(capture):
        if artifact.kind is kind:
            return artifact
    if others := ", ".join(a.name for a in capture.artifacts if a.kind is kind):
        raise HTTPException(422, f"kind: {kind} is here as {others} only, which is no pprof profile; read it as it is.")
    has = ", ".join(a.kind for a in capture.artifacts) or "no files"
    raise HTTPException(404, f"This capture has no {kind} profile; it is {capture.state} and has {has}.")


@contextmanager
def on_disk(chunks: Iterator[bytes]) -> Iterator[Path]:
    """A temporary file with these bytes, removed when the block ends."""
    with NamedTemporaryFile(prefix="alertprof-", suffix=SUFFIX) as file:
        file.writelines(chunks)
        file.flush()
        yield Path(file.name)

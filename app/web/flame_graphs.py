"""Parts of the call tree of a profile, for the API and the pages: what a screen can show of it, and each zoom.

A profile is read once. Its paths stay in a temporary file, so the next question about it is answered without it. Those
of a large profile may be there already, made when its capture ended: see analysis/flame/prepared.py.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from app.analysis.flame.asked import Asked
from app.analysis.flame.asking import SHOWN, ViewAsJson
from app.analysis.flame.view import View
from app.analysis.profile import BadProfile
from app.model import Artifact, Capture, Kind
from app.web.parts import Parts
from app.web.profiles import READERS, TIMEOUT, Profiles, profile_of

KEPT = 16  # profiles whose paths are in files; each at most child.MOST_ANSWERED bytes

Key = tuple[str, str | None]  # the file's SHA-256, and the sample type or None for the one that is shown
Answer = TypeVar("Answer", View, ViewAsJson)


@dataclass(slots=True)
class Index:
    """The paths of one profile in a file, which is removed when nobody refers to this any more."""

    making: Lock = field(default_factory=Lock)
    file: Any = None

    @property
    def path(self) -> Path:
        return Path(self.file.name)


class FlameGraphs:
    """Asks `parts.flame_index` once for each file and sample type, and `parts.flame_view` or `parts.flame_json` for
    each view.

    Its questions raise HTTPException as Profiles does, and 404 for a function that was not sampled.
    """

    def __init__(self, parts: Parts, profiles: Profiles) -> None:
        self.parts, self.profiles = parts, profiles
        self.lock, self.places = Lock(), BoundedSemaphore(READERS)
        self.last: OrderedDict[Key, Index] = OrderedDict()

    def view(self, capture: Capture, kind: Kind, sample_type: str | None, asked: Asked) -> View:
        """What is asked of the profile of this kind."""
        return self._answer(capture, kind, sample_type, asked, self.parts.flame_view)

    def json(self, capture: Capture, kind: Kind, sample_type: str | None, asked: Asked) -> str:
        """The same, as the API answers it."""
        return self._answer(capture, kind, sample_type, asked, self.parts.flame_json).json

    def _answer(
        self, capture: Capture, kind: Kind, sample_type: str | None, asked: Asked,
        ask: Callable[[Path, Asked], Answer],
    ) -> Answer:  # fmt: skip
        file, sample_type = profile_of(capture, kind), sample_type or SHOWN.get(kind)
        known = (file.sha256, sample_type) in self.last
        found = None if known else self._prepared(capture, file, asked, ask)
        if found and sample_type in (None, found.sample_type):
            return found
        index = self._index(capture, file, sample_type)
        try:
            view = self._asked(index.path, asked, ask)
        except BadProfile as error:
            raise HTTPException(404, f"The {kind} profile {error}.") from error
        self._known((file.sha256, view.sample_type), index)
        return view

    def _prepared(
        self, capture: Capture, file: Artifact, asked: Asked, ask: Callable[[Path, Asked], Answer]
    ) -> Answer | None:
        """What the paths say that were made before; None where they are not there, not to be read, or of another sample
        type, in which the function may have samples all the same."""
        path = self.parts.prepared.path(capture.id, file.name)
        if path is None:
            return None
        try:
            return self._asked(path, asked, ask)
        except BadProfile:
            if not asked.function:
                self.parts.prepared.remove(capture.id, file.name)
            return None

    def _asked(self, path: Path, asked: Asked, ask: Callable[[Path, Asked], Answer]) -> Answer:
        if not self.places.acquire(timeout=TIMEOUT):
            raise HTTPException(503, "Others are being answered; try again in a moment.", {"Retry-After": "5"})
        try:
            return ask(path, asked)
        finally:
            self.places.release()

    def _index(self, capture: Capture, file: Artifact, sample_type: str | None) -> Index:
        """The paths, made now if they are not there; whoever asks meanwhile waits."""
        index = self._known((file.sha256, sample_type), Index())
        with index.making:
            if index.file is None:
                made = NamedTemporaryFile(prefix="alertprof-paths-")  # noqa: SIM115 - lives as long as the index
                out = Path(made.name)
                self.profiles.read(lambda path: self.parts.flame_index(path, sample_type, out), (capture, file))
                index.file = made
        return index

    def _known(self, key: Key, index: Index) -> Index:
        """The index that is there for this key, or else this one from now on: the sample type that is shown when none
        is asked for has its name only in the answer."""
        with self.lock:
            index = self.last.setdefault(key, index)
            self.last.move_to_end(key)
            while len(self.last) > KEPT:
                self.last.popitem(last=False)
        return index

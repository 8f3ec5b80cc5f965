"""Parts of the call tree of a profile, for the API and the pages: what a screen can show of it, and each zoom.

A profile is read once. Its paths stay in a temporary file, so the next question about it is answered without it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import BoundedSemaphore, Lock
from typing import Any

from starlette.exceptions import HTTPException

from app.analysis.flame.asked import Asked
from app.analysis.flame.view import View
from app.analysis.profile import BadProfile
from app.model import Artifact, Capture, Kind
from app.web.parts import Parts
from app.web.profiles import READERS, SHOWN, TIMEOUT, Profiles, profile_of

KEPT = 16  # profiles whose paths are in files; each at most child.MOST_ANSWERED bytes

Key = tuple[str, str | None]  # the file's SHA-256, and the sample type or None for the one that is shown


@dataclass(slots=True)
class Index:
    """The paths of one profile in a file, which is removed when nobody refers to this any more."""

    making: Lock = field(default_factory=Lock)
    file: Any = None

    @property
    def path(self) -> Path:
        return Path(self.file.name)


class FlameGraphs:
    """Asks `parts.flame_index` once for each file and sample type, and `parts.flame_view` for each view."""

    def __init__(self, parts: Parts, profiles: Profiles) -> None:
        self.parts, self.profiles = parts, profiles
        self.lock, self.places = Lock(), BoundedSemaphore(READERS)
        self.last: OrderedDict[Key, Index] = OrderedDict()

    def view(self, capture: Capture, kind: Kind, sample_type: str | None, asked: Asked) -> View:
        """What is asked of the profile of this kind. Raises HTTPException as Profiles does, and 404 for a function that
        was not sampled."""
        file, sample_type = profile_of(capture, kind), sample_type or SHOWN.get(kind)
        index = self._index(capture, file, sample_type)
        if not self.places.acquire(timeout=TIMEOUT):
            raise HTTPException(503, "Others are being answered; try again in a moment.", {"Retry-After": "5"})
        try:
            view = self.parts.flame_view(index.path, asked)
        except BadProfile as error:
            raise HTTPException(404, f"The {kind} profile {error}.") from error
        finally:
            self.places.release()
        self._known((file.sha256, view.about.sample_type), index)
        return view

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

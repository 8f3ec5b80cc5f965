"""Keeps the paths of large profiles in a folder, made before anybody asks: reading such a profile takes a second.

What is here can be made anew from the profile, so the oldest make way for new ones.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

LARGE: Final = 256 << 10  # bytes of a profile; a smaller one is read in about a tenth of a second
MOST: Final = 256 << 20  # bytes of all files
FORMAT: Final = 1  # of paths.packed; files of another version are not read


@dataclass(frozen=True, slots=True)
class Prepared:
    """folder: it has a folder for each capture; most: bytes."""

    folder: Path
    most: int = MOST

    def path(self, capture_id: str, name: str) -> Path | None:
        """The paths of a capture's profile, by their default sample type; None where they are not there."""
        place = self._place(capture_id, name)
        try:
            os.utime(place)  # those that nobody looks at go first
        except OSError:
            return None
        return place

    def add(self, capture_id: str, name: str, make: Callable[[Path], None]) -> None:
        """Adds what `make` writes into the file that it is given; the file appears whole or not at all. Raises OSError,
        and what `make` raises."""
        place = self._place(capture_id, name)
        with NamedTemporaryFile(dir=self.folder, delete=False) as file:
            making = Path(file.name)
            try:
                make(making)
                os.fsync(file.fileno())
                place.parent.mkdir(mode=0o700, exist_ok=True)
                making.rename(place)
            finally:
                making.unlink(missing_ok=True)
        self._make_room()

    def remove(self, capture_id: str, name: str) -> None:
        """Removes what cannot be read."""
        with suppress(OSError):
            self._place(capture_id, name).unlink()

    def _place(self, capture_id: str, name: str) -> Path:
        return self.folder / capture_id / f"{name}.{FORMAT}"

    def _make_room(self) -> None:
        """Removes the files that were used least recently, also those that another version made or left half made."""
        files = [(stat.st_mtime, stat.st_size, file) for file in self.folder.rglob("*") if (stat := _file(file))]
        kept = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if kept <= self.most:
                return
            kept -= size
            file.unlink(missing_ok=True)
            with suppress(OSError):  # others of its capture are there
                file.parent.rmdir()


def _file(path: Path) -> os.stat_result | None:
    """What is known of a file; None for a folder, and for what another one has removed."""
    try:
        return path.stat() if path.is_file() else None
    except OSError:
        return None

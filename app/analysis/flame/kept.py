"""The paths that a process was asked about last stay in its memory: who zooms asks about the same ones again."""

from functools import lru_cache
from pathlib import Path

from app.analysis.flame.paths import Paths, unpacked


def kept(path: str) -> Paths:
    """The paths in this file, which is our own; see paths.packed."""
    stat = Path(path).stat()
    return _read(path, stat.st_ino, stat.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: str, _inode: int, _changed: int) -> Paths:
    return unpacked(Path(path).read_bytes())

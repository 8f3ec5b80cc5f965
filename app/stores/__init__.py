"""Where artifacts rest: a local directory, or an object store."""

from pathlib import Path

from app.stores.base import Entry, Store
from app.stores.bucket import Bucket
from app.stores.directory import Directory

__all__ = ["Bucket", "Directory", "Entry", "Store", "store_of"]


def store_of(artifacts: Path | Bucket) -> Store:
    """The store that the configuration names. Raises OSError."""
    if isinstance(artifacts, Path):
        return Directory(artifacts)
    from app.stores.objects import Objects  # noqa: PLC0415 - only who has an object store needs obstore

    return Objects(artifacts)

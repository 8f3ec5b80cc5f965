"""Several files of a store on this machine's disk, for programs that read files."""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from app.stores.base import Store


class Files:
    """Each is brought here once, when it is first asked for, and stays until the end of the block."""

    def __init__(self, store: Store) -> None:
        self._store, self._held = store, ExitStack()
        self._paths: dict[str, Path] = {}

    def path(self, key: str) -> Path:
        """Where the file is, as Store.local says it."""
        if key not in self._paths:
            self._paths[key] = self._held.enter_context(self._store.local(key))
        return self._paths[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.close()

"""Can alerts be taken, and can their files come home? Proved by writing, as a disk may turn read-only while it is used.

Built by main.py, asked for /-/ready. Whatever is wrong passes by itself once its cause is gone.
"""

from collections.abc import Callable
from datetime import datetime
from threading import Lock

from app.ledger.ledger import Ledger, LedgerUnavailable
from app.stores import Store


class Readiness:
    def __init__(self, ledger: Ledger, store: Store, now: Callable[[], datetime]) -> None:
        self._ledger, self._store, self._now = ledger, store, now
        self._turn = Lock()  # anybody may ask, as often as they like: the ledger is kept busy by one of them only

    def obstacle(self) -> str | None:
        """A sentence, or None."""
        with self._turn:
            try:
                self._ledger.prove(self._now())
            except LedgerUnavailable as fault:
                return str(fault)
            return self._store.shortage() or self._store.refusal()

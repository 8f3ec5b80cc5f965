"""Can alerts be recorded and files be stored? Tested by writing, because a disk can turn read-only while it is in use.

Built by main.py for /-/ready. The service recovers by itself once the cause is gone.
"""

from collections.abc import Callable
from datetime import datetime
from threading import Lock

from app.ledger.ledger import Ledger, LedgerUnavailable
from app.stores import Store


class Readiness:
    """Writes to the ledger and to the store. Any thread may ask. now: the time."""

    def __init__(self, ledger: Ledger, store: Store, now: Callable[[], datetime]) -> None:
        self._ledger, self._store, self._now = ledger, store, now
        self._turn = Lock()  # one request at a time: anybody may ask, and each writes to the ledger

    def obstacle(self) -> str | None:
        """Why the service is not ready, in a sentence; None if it is."""
        with self._turn:
            try:
                self._ledger.prove(self._now())
            except LedgerUnavailable as fault:
                return str(fault)
            return self._store.shortage() or self._store.refusal()

"""Can alerts be recorded and files be stored? Tested by writing, because a disk can turn read-only while it is in use.

Built by main.py for /-/ready. The service recovers by itself once the cause is gone.
"""

from collections.abc import Callable
from datetime import datetime

from app.ledger.ledger import Ledger, LedgerUnavailable
from app.stores import Store
from app.web.api.patience import Patience

WITHIN = 3.0  # seconds; a balancer does not wait for long


class Readiness:
    """Writes to the ledger and to the store. Any thread may ask. now: the time."""

    def __init__(self, ledger: Ledger, store: Store, now: Callable[[], datetime]) -> None:
        self._ledger, self._store, self._now = ledger, store, now
        self._asked = ""
        self._look = Patience("ready", self._found, WITHIN)  # anybody may ask, and each look writes to the ledger

    def obstacle(self) -> str | None:
        """Why the service is not ready, in a sentence; None if it is. Known within seconds, whatever hangs."""
        if (seconds := self._ledger.held_up()) > WITHIN:
            return f"alerts have been waiting for {seconds:.0f} s to be recorded: see that the database answers"
        try:
            return self._look()
        except TimeoutError:
            return f"{self._asked} has not answered for {WITHIN:g} s: see that it does"

    def _found(self) -> str | None:
        self._asked = "the database"
        try:
            self._ledger.prove(self._now())
        except LedgerUnavailable as fault:
            return str(fault)
        self._asked = "the store"
        return self._store.shortage() or self._store.refusal()

"""Can alerts be recorded and files be stored? Tested by writing, because a disk can turn read-only while it is in use.

Built by main.py for /-/ready. The service recovers by itself once the cause is gone.
"""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from threading import Lock, Thread

from app.ledger.ledger import Ledger, LedgerUnavailable
from app.stores import Store

WITHIN = 3.0  # seconds; a balancer does not wait for long


class Readiness:
    """Writes to the ledger and to the store. Any thread may ask. now: the time."""

    def __init__(self, ledger: Ledger, store: Store, now: Callable[[], datetime]) -> None:
        self._ledger, self._store, self._now = ledger, store, now
        self._turn = Lock()
        self._asked, self._answer = "", Future[str | None]()

    def obstacle(self) -> str | None:
        """Why the service is not ready, in a sentence; None if it is. Known within seconds, whatever hangs."""
        if (seconds := self._ledger.held_up()) > WITHIN:
            return f"alerts have been waiting for {seconds:.0f} s to be recorded: see that the database answers"
        with self._turn:  # one look at a time: anybody may ask, and each writes to the ledger
            if not self._asked:
                self._asked, self._answer = "the database", Future()
                Thread(target=self._look, args=(self._answer,), name="ready", daemon=True).start()
            answer = self._answer
        try:
            return answer.result(WITHIN)
        except TimeoutError:
            return f"{self._asked or 'the store'} has not answered for {WITHIN:g} s: see that it does"

    def _look(self, answer: Future[str | None]) -> None:
        try:
            found = self._found()
        except Exception as fault:  # whoever asks has to be answered, and the next one has to look again
            self._asked = ""
            answer.set_exception(fault)
        else:
            self._asked = ""
            answer.set_result(found)

    def _found(self) -> str | None:
        try:
            self._ledger.prove(self._now())
        except LedgerUnavailable as fault:
            return str(fault)
        self._asked = "the store"
        return self._store.shortage() or self._store.refusal()

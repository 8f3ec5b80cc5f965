"""Group commit: one thread writes all waiting deliveries in one transaction.

A durable commit costs the same for one row as for a hundred. Deliveries that arrive during a commit share the next one.
While several come at a time, a commit also waits a moment for as many as shared the last one: their senders have just
been answered, and send again. One that comes alone never waits.
The future of a delivery is done when its rows are on disk.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from time import sleep

from app.ledger.arrivals import Delivery, Receipt
from app.ledger.database import LedgerUnavailable

MAX_ALERTS = 2000  # in one transaction, unless one message brings more
LINGER = 0.001  # seconds
LINGERS = 3  # at most, before one commit

Waiting = tuple[Delivery, Future[Receipt]]


class Inbox:
    """write: records a batch, and returns once it is committed, or raises."""

    def __init__(self, write: Callable[[Sequence[Delivery]], list[Receipt]]) -> None:
        self._write = write
        self._waiting: SimpleQueue[Waiting | None] = SimpleQueue()
        self._state_lock = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._shared = 1  # deliveries in the last commit

    def put(self, delivery: Delivery) -> Future[Receipt]:
        """Queues a delivery; never blocks on the database. The future of a closed inbox raises LedgerUnavailable."""
        future: Future[Receipt] = Future()
        with self._state_lock:
            if self._closed:
                future.set_exception(LedgerUnavailable("the ledger is closed: the service is stopping"))
                return future
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ledger-inbox", daemon=True)
                self._thread.start()
            self._waiting.put((delivery, future))
        return future

    def close(self) -> None:
        """Writes the waiting deliveries, then ends the thread."""
        with self._state_lock:
            self._closed = True
            self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._linger()
            batch, last = self._batch(first)
            self._shared = len(batch)
            self._settle([waiting for waiting in batch if waiting[1].set_running_or_notify_cancel()])
            if last:
                return

    def _linger(self) -> None:
        for _ in range(LINGERS):
            if self._waiting.qsize() + 1 >= self._shared or self._closed:
                return
            sleep(LINGER)

    def _batch(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """The waiting deliveries, up to MAX_ALERTS; and whether the inbox is closed."""
        batch, alerts = [first], len(first[0].alerts)
        while alerts < MAX_ALERTS:
            try:
                waiting = self._waiting.get_nowait()
            except Empty:
                break
            if waiting is None:
                return batch, True
            batch.append(waiting)
            alerts += len(waiting[0].alerts)
        return batch, False

    def _settle(self, batch: list[Waiting]) -> None:
        """Writes the batch. LedgerUnavailable concerns every delivery; any other error only one, so the batch is
        written one by one then."""
        try:
            receipts = self._write([delivery for delivery, _ in batch]) if batch else []
        except Exception as error:
            if isinstance(error, LedgerUnavailable) or len(batch) == 1:
                for _, future in batch:
                    future.set_exception(error)
            else:
                for waiting in batch:
                    self._settle([waiting])
        else:
            for (_, future), receipt in zip(batch, receipts, strict=True):
                future.set_result(receipt)

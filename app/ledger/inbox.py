"""Group commit: one thread writes all waiting deliveries in one transaction.

A durable commit costs the same for one row as for a hundred. Deliveries that arrive during a commit share the next one.
While several come at a time, a commit also waits a moment for as many as shared the last one: their senders have just
been answered, and send again. One that comes alone never waits.
The future of a delivery is done when its rows are on disk.

A commit that takes long holds up no other: another thread goes on with what waits, except with the alerts that are
being written, whose order is kept. A batch that another replica keeps from being written is taken apart.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic, sleep

from app.ledger.arrivals import Delivery, Receipt
from app.ledger.faults import LedgerContended, LedgerUnavailable

MAX_ALERTS = 2000  # in one transaction, unless one message brings more
LINGER = 0.001  # seconds
LINGERS = 3  # at most, before one commit
WRITERS = 4  # batches that are written at a time, where a database has several writers
STALLED = 0.25  # seconds of a commit after which another thread goes on

Waiting = tuple[Delivery, Future[Receipt]]


@dataclass(slots=True)
class _Writing:
    """A batch that is being written. last: nothing comes after it. Of one that stalled: alerts: its fingerprints;
    behind: the deliveries that wait for it."""

    batch: list[Waiting]
    last: bool
    began: float
    alerts: set[str] = field(default_factory=set)
    behind: list[Waiting] = field(default_factory=list)


class Inbox:
    """write: records a batch, and returns once it is committed, or raises; with True it does not wait for other
    replicas. writers: how many batches may be written at a time."""

    def __init__(self, write: Callable[[Sequence[Delivery], bool], list[Receipt]], writers: int = 1) -> None:
        self._write, self._writers = write, writers
        self._waiting: SimpleQueue[Waiting | None] = SimpleQueue()
        self._state_lock = threading.Lock()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._active = threading.Event()
        self._shared = 1  # deliveries in the last commit
        self._current: _Writing | None = None  # of the thread that takes what waits
        self._stalled: list[_Writing] = []

    def put(self, delivery: Delivery) -> Future[Receipt]:
        """Queues a delivery; never blocks on the database. The future of a closed inbox raises LedgerUnavailable."""
        future: Future[Receipt] = Future()
        with self._state_lock:
            if self._closed:
                future.set_exception(LedgerUnavailable("the ledger is closed: the service is stopping"))
                return future
            if not self._threads:
                self._begin(self._work)
                if self._writers > 1:
                    threading.Thread(target=self._watch, name="ledger-inbox-watch", daemon=True).start()
            self._waiting.put((delivery, future))
        return future

    def held_up(self) -> float:
        """For how many seconds the write has lasted that what waits now has to wait for."""
        current = self._current
        return monotonic() - current.began if current else 0.0

    def close(self) -> None:
        """Writes the waiting deliveries, then ends the threads."""
        with self._state_lock:
            self._closed = True
            self._waiting.put(None)
        self._active.set()
        while threads := [thread for thread in self._threads if thread.is_alive()]:
            threads[0].join()

    def _begin(self, work: Callable[[], None]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=work, name="ledger-inbox", daemon=True))
        self._threads[-1].start()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._linger()
            batch, last = self._batch(first)
            self._shared = len(batch)
            with self._state_lock:
                mine = self._current = _Writing(self._free(batch), last, monotonic())
            self._active.set()
            self._settle(mine.batch)
            if not self._goes_on(mine) or last:
                return

    def _goes_on(self, mine: _Writing) -> bool:
        """Whether this thread still takes what waits. If another one does, what had to wait for this batch is written
        now."""
        while True:
            with self._state_lock:
                if self._current is mine:
                    self._current = None
                    return True
                behind, mine.behind = mine.behind, []
                if not behind:
                    self._stalled.remove(mine)
                    return False
            self._settle(behind)

    def _watch(self) -> None:
        """Lets another thread go on while a batch takes long."""
        while not self._closed:
            self._active.wait()
            sleep(STALLED)
            self._active.clear()
            with self._state_lock:
                slow = self._current
                if slow is None:
                    continue
                self._active.set()
                if monotonic() - slow.began < STALLED or slow.last or len(self._stalled) + 1 >= self._writers:
                    continue
                slow.alerts = {alert.fingerprint for delivery, _ in slow.batch for alert in delivery.alerts}
                self._stalled.append(slow)
                self._current = None
                self._begin(self._work)

    def _free(self, batch: list[Waiting]) -> list[Waiting]:
        """Those that need not wait for a batch that stalled. The others are written after it."""
        if not self._stalled:
            return batch
        free = []
        for waiting in batch:
            alerts = {alert.fingerprint for alert in waiting[0].alerts}
            ahead = next((each for each in self._stalled if not alerts.isdisjoint(each.alerts)), None)
            if ahead is None:
                free.append(waiting)
            else:
                ahead.behind.append(waiting)
                ahead.alerts |= alerts
        return free

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

    def _settle(self, batch: Sequence[Waiting]) -> None:
        """Writes the batch. LedgerUnavailable concerns every delivery; any other error only one, so the batch is
        written one by one then. What other replicas hold up is written last."""
        batch = [waiting for waiting in batch if waiting[1].set_running_or_notify_cancel()]
        several = len(batch) > 1
        try:
            self._written(batch, hurried=several)
        except Exception as error:
            if several and isinstance(error, LedgerContended):
                batch = self._slow(batch)
            elif not several or isinstance(error, LedgerUnavailable):
                fail(batch, error)
                return
            for waiting in batch:
                self._settle_one(waiting)

    def _slow(self, batch: Sequence[Waiting]) -> list[Waiting]:
        """Writes those of the batch that nobody holds up, and returns the others."""
        slow: list[Waiting] = []
        alerts: set[str] = set()
        for waiting in batch:
            own = {alert.fingerprint for alert in waiting[0].alerts}
            if not own.isdisjoint(alerts) or not self._settle_one(waiting, hurried=True):
                slow.append(waiting)
                alerts |= own
        return slow

    def _settle_one(self, waiting: Waiting, *, hurried: bool = False) -> bool:
        """Writes one delivery; False if that would take too long for one that is hurried."""
        try:
            self._written([waiting], hurried=hurried)
        except Exception as error:
            if hurried and isinstance(error, LedgerContended):
                return False
            fail([waiting], error)
        return True

    def _written(self, batch: Sequence[Waiting], *, hurried: bool) -> None:
        receipts = self._write([delivery for delivery, _ in batch], hurried) if batch else []
        for (_, future), receipt in zip(batch, receipts, strict=True):
            future.set_result(receipt)


def fail(batch: Sequence[Waiting], error: Exception) -> None:
    """None of the batch was recorded, for this reason."""
    for _, future in batch:
        future.set_exception(error)

"""The time by which replicas work: on PostgreSQL the server's, so that all of them have the same; on SQLite, which only
one service writes, the machine's.

The server is asked along with statements that are sent anyway, and in between the time is counted from its last answer
by a clock that nobody sets and that goes on while the machine sleeps.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

LONGEST = 1.0  # seconds; an answer that took longer says too little of when the server gave it
OFF = timedelta(seconds=2)  # by which a machine's clock may differ before we speak of it


def machine() -> datetime:
    """The time of this machine's clock, aware UTC."""
    return datetime.now(UTC)


def running() -> float:
    """Seconds since this machine was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """The time of one ledger. Thread-safe.

    machine, running: the clocks of the machine
    """

    def __init__(self, machine: Callable[[], datetime] = machine, running: Callable[[], float] = running) -> None:
        self._machine, self._running = machine, running
        self._lock = threading.Lock()
        self._since: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """The time, aware UTC. It never waits. Before the server's first answer it is the machine's."""
        with self._lock:
            since = self._since
        return self._machine() if since is None else since[0] + timedelta(seconds=self._running() - since[1])

    def ahead(self) -> timedelta:
        """By how much this machine's clock is ahead of the server's; negative when it is behind, and zero where only
        the machine's is used."""
        return self._machine() - self.now() if self._since else timedelta(0)

    @contextmanager
    def asking(self) -> Iterator[Callable[[datetime], None]]:
        """Within the block the server is asked; what it yields takes the answer, aware UTC.

        The answer counts as given in the middle between the question and now. One that took longer than LONGEST does
        not count, since a process that was stopped meanwhile would be late by as much."""
        began = self._running()

        def answered(at: datetime) -> None:
            ended = self._running()
            if ended - began <= LONGEST:
                with self._lock:
                    self._since = at.astimezone(UTC), (began + ended) / 2

        yield answered


def in_words(ahead: timedelta) -> str | None:
    """A sentence about a machine's clock that is off; None if it is right."""
    if abs(ahead) < OFF:
        return None
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return (
        f"this machine's clock is {abs(ahead).total_seconds():.1f} s {way} the database's, which is the one that counts"
    )

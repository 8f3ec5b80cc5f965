"""How many logins are under way at a time: as many as finish about as fast as few do.

Each login costs a key exchange here and one there, and the account's start-up files. When too many begin at once, all
of them miss their deadlines, and the work that was done is thrown away. So the number follows what is observed: it
grows by one while logins stay quick, and shrinks by a quarter when they get slow (additive increase, multiplicative
decrease).
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic

FIRST, LEAST, MOST = 6, 1, 64  # logins at a time
SLOW = 2.0  # times the quickest median: by then more logins at a time have only made each one slower
SHRINK = 0.75
WINDOW = 6  # logins, at least, whose median is looked at: the slow hosts among them have no say
PATIENT = 3.0  # times the median, after which a login holds up no other: it waits for its host, not for us
LEAST_PATIENCE, MOST_PATIENCE = 1.0, 10.0  # seconds


class Limit:
    """The number, and how it follows. Not thread-safe."""

    def __init__(self) -> None:
        self.number = FIRST
        self.patience = LEAST_PATIENCE  # seconds; hosts that are down may be the first ones
        self._quickest: float | None = None
        self._seen: list[float] = []

    def note(self, seconds: float) -> None:
        """How long a login took that succeeded."""
        self._seen.append(seconds)
        if len(self._seen) < max(WINDOW, self.number):
            return
        typical, self._seen = median(self._seen), []
        if self._quickest is None or self.number == LEAST:  # one at a time is as quick as this network is by now
            self._quickest = typical
        self._quickest = min(typical, self._quickest)
        if typical > SLOW * self._quickest:
            self.number = max(LEAST, int(self.number * SHRINK))
        else:
            self.number = min(MOST, self.number + 1)
        self.patience = min(max(PATIENT * typical, LEAST_PATIENCE), MOST_PATIENCE)


class Pace:
    """Turns for logins, first come, first served. Thread-safe."""

    def __init__(self, limit: Limit | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._limit, self._clock = limit or Limit(), clock
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._begun: dict[object, float] = {}

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until another login may begin. What is raised within does not count as slow: a dead host is no sign of
        too many."""
        ticket = object()
        self._wait(ticket)
        succeeded = False
        try:
            yield
            succeeded = True
        finally:
            with self._changed:
                seconds = self._clock() - self._begun.pop(ticket)
                if succeeded:
                    self._limit.note(seconds)
                self._changed.notify_all()

    @property
    def logins(self) -> tuple[int, int]:
        """How many are under way, and how many wait for their turn."""
        return len(self._begun), len(self._waiting)

    @property
    def crowded(self) -> bool:
        """Whether hosts wait to be reached: for their turn, or in a login that does not take very long yet."""
        with self._changed:
            ages = [self._clock() - begun for begun in self._begun.values()]
            return bool(self._waiting) or any(age < MOST_PATIENCE for age in ages)

    def _wait(self, ticket: object) -> None:
        with self._changed:
            self._waiting.append(ticket)
            while self._waiting[0] is not ticket or (wait := self._until_free()):
                self._changed.wait(None if self._waiting[0] is not ticket else wait)
            self._waiting.popleft()
            self._begun[ticket] = self._clock()
            self._changed.notify_all()

    def _until_free(self) -> float:
        """Seconds until there is a place even if no login ends; 0: there is one."""
        ages = sorted(self._clock() - begun for begun in self._begun.values())
        holding = [age for age in ages if age < self._limit.patience]
        if len(holding) < self._limit.number:
            return 0.0
        return self._limit.patience - holding[self._limit.number - 1]

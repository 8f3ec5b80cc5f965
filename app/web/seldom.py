"""What takes long to read and may be a moment old, so that pages which are looked at again and again cost little."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

REST = 10  # times as long as the reading took

T = TypeVar("T")


class Seldom(Generic[T]):
    """`read`, whose result is kept for REST times as long as it took: so it takes at most a tenth of a thread's time,
    however many ask, and a result that was quickly read is hardly old. Thread-safe; who asks meanwhile waits."""

    def __init__(self, read: Callable[[], T], clock: Callable[[], float] = monotonic) -> None:
        self._read, self._clock = read, clock
        self._lock = Lock()
        self._kept: tuple[T, float] | None = None  # and until when

    def __call__(self) -> T:
        """Raises what `read` raises; then nothing is kept."""
        with self._lock:
            began = self._clock()
            if self._kept is None or began >= self._kept[1]:
                self._kept = None
                result = self._read()
                ended = self._clock()
                self._kept = result, ended + REST * (ended - began)
            return self._kept[0]

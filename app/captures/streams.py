"""Threads for recordings that come home while they are made: one for each, as long as it lasts. Used by worker.py."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class Streams:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def run(self, work: Callable[[], None]) -> None:
        """Does this work in a thread of its own; where the system gives none, in the caller's."""

        def run() -> None:
            try:
                work()
            except Exception:  # the row is claimed again when its lease is over
                log.exception("a recording that came home could not be worked on")
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name="stream", daemon=True)
        with self._lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as fault:
            log.warning("no thread for a recording that comes home; others wait for it", fault=str(fault))
            run()

    def join(self, until: Callable[[], float]) -> None:
        """Waits for all of them. until: the seconds that are left."""
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(until())

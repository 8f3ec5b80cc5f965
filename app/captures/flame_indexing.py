"""Makes the flame graph index of a large profile once its capture has ended, so that the first look need not wait.

It is done one profile after another, in a thread of its own, by a process of analysis/readers.py. What is not done,
because the service ends or too many wait, is made when somebody looks. Built by main.py.
"""

import queue
import threading
from functools import partial
from typing import Final

import structlog

from app.analysis.flame.asking import SHOWN, index_file
from app.analysis.flame.prepared import LARGE, Prepared
from app.analysis.profile import BadProfile
from app.analysis.reading_process import Ask
from app.errors import AlertprofError
from app.model import Artifact, Capture
from app.stores import Store

WAITING: Final = 100  # captures
SUFFIX: Final = ".pprof"
ENOUGH: Final = 1 << 30  # free bytes: with fewer, the disk is left to artifacts

log = structlog.get_logger()


class FlameIndexing:
    """prepared: what is there. ask: of a Readers; at_least: bytes of a profile, smaller ones are left out."""

    def __init__(self, store: Store, ask: Ask, at_least: int = LARGE) -> None:
        self.prepared = Prepared(store.cache)
        self._store, self._ask, self._at_least = store, ask, at_least
        self._ended: queue.SimpleQueue[Capture] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flame-indexing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begins no further one, and does not wait for the one under way."""
        self._stopping.set()

    def ended(self, capture: Capture) -> None:
        """The capture has ended. Returns at once."""
        if self._large(capture) and self._ended.qsize() < WAITING:
            self._ended.put(capture)

    def _large(self, capture: Capture) -> list[Artifact]:
        return [each for each in capture.artifacts if each.name.endswith(SUFFIX) and each.size >= self._at_least]

    def _work(self) -> None:
        while True:
            capture = self._ended.get()
            for artifact in self._large(capture):
                if self._stopping.is_set():
                    return
                try:
                    if self._store.free_bytes() >= ENOUGH:
                        self._prepare(capture, artifact)
                except Exception:  # a fault of one must not end the work on all others
                    log.exception("no flame graph was prepared", capture_id=capture.id, file=artifact.name)

    def _prepare(self, capture: Capture, artifact: Artifact) -> None:
        key = f"{capture.id}/{artifact.name}"
        try:
            with self._store.local(key) as profile:
                make = partial(index_file, profile, SHOWN.get(artifact.kind), ask=self._ask)
                self.prepared.add(capture.id, artifact.name, make)
            next(self._store.read(key, 0, 1))
        except FileNotFoundError:  # the capture was removed meanwhile
            self.prepared.remove(capture.id, artifact.name)
        except (BadProfile, AlertprofError, OSError) as fault:
            log.info("no flame graph was prepared", capture_id=capture.id, file=artifact.name, fault=str(fault))

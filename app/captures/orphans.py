"""Removes files of the store that no row speaks of: a service died between a row's end and its files', or a replica
that was frozen stored a file after its capture was removed. main.py starts it.

Files are lost when a ledger takes another one's for its own, so several things have to be true of a file that goes: the
store has this ledger's mark; the file is younger than the mark; it is older than a day by the store's own clock, while
a capture has its row before its first file; and neither does the mark know of a later run than the ledger, nor has the
store files of a later capture, as after a backup was restored.
"""

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from app.ledger.ledger import LedgerUnavailable
from app.ledger.sweeps import Sweeps
from app.stores import Store

AGE: Final = timedelta(days=1)
EVERY: Final = timedelta(hours=1)
MOST: Final = 100_000  # files that one run looks at; the next one goes on from there
LOOK: Final = 300.0  # seconds between two looks whether a run is due
OURS: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

log = structlog.get_logger()


class OthersStore(OSError):
    """The store belongs to another ledger. The text is a sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What lies in the store as its mark. ledger: the id of the ledger to which the store belongs; since: when it was
    marked, by the store's clock; run: the number of the last sweep."""

    ledger: str
    since: str
    run: int = 0


class Orphans:
    """One replica's part of the sweeps. now: the time."""

    def __init__(self, sweeps: Sweeps, store: Store, now: Callable[[], datetime]) -> None:
        self._sweeps, self._store, self._now = sweeps, store, now
        self._newest: str | None = None  # capture of which the ledger knew at the start, until that was compared
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="orphans", daemon=True)

    def start(self) -> None:
        """Removes what an earlier life left half done, and starts the thread. Raises OthersStore for an object store
        of another ledger. A directory of another one is used, since a database that was moved away leaves its files
        behind; nothing of them is removed."""
        self._newest = self._sweeps.newest()
        try:
            self.mark()
        except OSError as fault:
            if isinstance(fault, OthersStore) and self._store.remote:
                raise
            log.warning("files without a row are not looked for now", fault=str(fault))
        self._store.sweep()
        self._thread.start()

    def stop(self) -> None:
        """Does not wait for the run under way; it ends before its next page."""
        self._stopping.set()

    def mark(self) -> Mark:
        """The store's mark, which is made if there is none. Raises OthersStore; OSError while the store does not
        answer."""
        mine, said = self._sweeps.ledger_id(), self._store.mark()
        if not said:
            self._set(Mark(mine, self._store.time().isoformat(), self._sweeps.last().number))
            said = self._store.mark()  # another alertprof may begin at the same moment
        mark = read_mark(said)
        if mark is None or mark.ledger != mine:
            raise OthersStore(
                f"{self._store.name} belongs to another alertprof, as {self._store.mark_name} in it says: let "
                "storage.artifacts name a place of its own. If the other database is gone for good, remove that file; "
                "what lies there now then stays"
            )
        return mark

    def run(self) -> int:
        """Looks at the next files if it is time and no other replica does. Returns how many were removed. Raises
        OSError, LedgerUnavailable."""
        mark, last = self.mark(), self._sweeps.last()  # in this order: another replica may begin a run now
        if mark.run > last.number or self._has_forgotten():
            log.warning(
                "the ledger is older than the store's mark, as after a backup was restored: files of captures that it "
                "does not know stay for good",
                store=self._store.name,
            )
            mark = replace(mark, since=self._store.time().isoformat(), run=last.number)
            self._set(mark)
        begun = self._sweeps.begin(self._now(), EVERY)
        if begun is None:
            return 0
        self._set(replace(mark, run=begun.number))
        self._store.finish_deletions()
        since, before = datetime.fromisoformat(mark.since), self._store.time() - AGE
        looked, removed, reached = 0, 0, ""
        for page in self._store.listed(begun.reached):
            going = self._orphans([each.key for each in page if since <= each.changed_at < before])
            self._store.discard(going)
            looked, removed, reached = looked + len(page), removed + len(going), page[-1].key
            if looked >= MOST or self._stopping.is_set():
                break
        else:
            reached = ""
        self._sweeps.reached(begun, reached)
        return removed

    def _has_forgotten(self) -> bool:
        """Whether the store has files of captures that are later than any of which the ledger knew at the start. It is
        asked once: later ones are made."""
        if self._newest is None:
            return False
        found = any(self._orphans([each.key for each in page]) for page in self._store.listed(self._newest))
        self._newest = None
        return found

    def _set(self, mark: Mark) -> None:
        self._store.set_mark(json.dumps(asdict(mark)).encode())

    def _orphans(self, keys: Sequence[str]) -> list[str]:
        of = {key: id_ for key in keys if OURS.fullmatch(id_ := key.partition("/")[0])}
        known = self._sweeps.known(frozenset(of.values()))
        return [key for key, id_ in of.items() if id_ not in known]

    def _work(self) -> None:
        while not self._stopping.wait(LOOK):
            try:
                if removed := self.run():
                    log.info("files without a row were removed", store=self._store.name, files=removed)
            except (OSError, LedgerUnavailable) as fault:
                log.error("files without a row were not looked for", fault=str(fault))
            except Exception:
                log.exception("the sweep of the store broke")


def read_mark(said: bytes) -> Mark | None:
    """The mark; None for what is none."""
    try:
        mark = Mark(**json.loads(said))
        return mark if datetime.fromisoformat(mark.since).tzinfo and mark.run >= 0 else None
    except (TypeError, ValueError):
        return None

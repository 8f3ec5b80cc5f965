"""Lanes: what concerns one host is done by one thread at a time, and slow hosts hold up no others. Used by worker.py.

A host has two lanes, one for questions and signals and one for files, since a file may come home for minutes. A
capture's lane is named by its labels until its host is known (`lane_of`). The step that reaches a host enters that
host's lane first, whatever the labels said.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from app.errors import Refused
from app.hosts.names import plain
from app.intake.relabelling import Dropped, relabelled
from app.intake.rules import Rule
from app.ledger.claims import Closed
from app.model import Capture, Step
from app.resolvers.base import host_of

SLOW = 5.0  # seconds of a visit, after which a host counts as slow
SLOW_TO_FAIL = 1.0  # seconds of a visit that led to nothing
REMEMBERED = 1000  # hosts
BRINGS_FILES = frozenset({Step.COLLECT, Step.CLEAN})


class HostBusy(Exception):
    """Another thread of this replica is busy with the host. Nothing was asked of it; the step is taken later."""

    def __init__(self, host: str) -> None:
        super().__init__(f"another thread is busy with {host}")
        self.host = host


class Visit:
    """One thread's work on one capture. failed: whether what was tried last has to be tried again; busy: whether its
    host turned out to be one with which another thread is busy."""

    def __init__(self, lanes: "Lanes", *, files: bool) -> None:
        self._lanes, self.files = lanes, files
        self.hosts: set[str] = set()
        self.failed = self.busy = False

    def enter(self, host: str) -> None:
        """Enters the lane of a host; it is left at the end of the visit. Raises HostBusy."""
        try:
            self._lanes.enter(self, plain(host))
        except Refused:  # no host's name: whoever asks for its gate says so
            return

    def leave(self, seconds: float) -> None:
        """Ends the visit. seconds: how long it took."""
        self._lanes.leave(self, seconds)


class Lanes:
    """Which hosts the threads of a replica are busy with, and which were slow the last time. Thread-safe.

    threads: how many there are. Of these, at most a quarter wait for hosts that were slow the last time, and three
    quarters for hosts that are slow or not known yet, so that the others always find some. At most three eighths bring
    files home, so that recordings are always started and ended."""

    def __init__(self, threads: int) -> None:
        self._for_slow, self._for_unproven = max(1, threads // 4), max(1, threads * 3 // 4)
        self._for_files = max(1, threads * 3 // 8)
        self._lock = Lock()
        self._visits: set[Visit] = set()
        self._quick: OrderedDict[str, bool] = OrderedDict()

    def visit(self, capture: Capture) -> Visit:
        """Begins a visit, in the capture's lane. Raises HostBusy."""
        visit = Visit(self, files=capture.step in BRINGS_FILES)
        host = capture.lane or (capture.target.host if capture.target else "")
        with self._lock:
            self._visits.add(visit)
        try:
            if host:
                visit.enter(host)
        except HostBusy:
            with self._lock:
                self._visits.discard(visit)
            raise
        return visit

    def enter(self, visit: Visit, host: str) -> None:
        """As Visit.enter, for a host's plain name."""
        with self._lock:
            if any(host in other.hosts for other in self._visits if other is not visit and other.files == visit.files):
                raise HostBusy(host)
            visit.hosts.add(host)

    def leave(self, visit: Visit, seconds: float) -> None:
        """As Visit.leave."""
        with self._lock:
            self._visits.discard(visit)
            for host in visit.hosts:
                self._quick.pop(host, None)
                if seconds > (SLOW_TO_FAIL if visit.failed else SLOW):
                    self._quick[host] = False
                elif not visit.failed:
                    self._quick[host] = True
            while len(self._quick) > REMEMBERED:
                self._quick.popitem(last=False)

    def closed(self, held: tuple[str, ...]) -> Closed:
        """What may not be begun now. held: the ids of the captures that are worked on."""
        with self._lock:
            asking = [visit for visit in self._visits if not visit.files]
            files = [visit for visit in self._visits if visit.files]
            busy = {host for visit in asking for host in visit.hosts}
            quick = [host for host, quick in self._quick.items() if quick]
            slow = [host for host, quick in self._quick.items() if not quick]
            waits_for_slow = sum(not visit.hosts.isdisjoint(slow) for visit in asking)
            unproven = sum(visit.hosts.isdisjoint(quick) for visit in asking)
            return Closed(
                asking=(*busy, *(slow if waits_for_slow >= self._for_slow else ())),
                files=tuple(host for visit in files for host in visit.hosts),
                only=tuple(quick) if unproven >= self._for_unproven else None,
                no_files=len(files) >= self._for_files,
                held=held,
            )


def lane_of(labels: Mapping[str, str], rule: Rule) -> str:
    """The host that an alert seems to be about, before anybody looks for its process; "" if its labels name none."""
    named = relabelled(rule.relabel, labels)
    host = None if isinstance(named, Dropped) else host_of(named)
    try:
        return plain(host) if host else ""
    except Refused:
        return ""

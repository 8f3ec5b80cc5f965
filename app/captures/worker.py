"""The heartbeat: claim what is due, advance it one step, save it. Started and stopped by main.py.

A few threads take turns: one waits for the next due row while the others work, so no row has to be handed from one
thread to another. The ledger calls `wake` when a row becomes due; without that call, the rows' own times suffice.

Of each host one capture after the other is worked on (lanes.py). A recording that comes home while it is made takes as
long as it lasts; it is handed to a thread of its own (streams.py), so that these threads remain.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

import structlog
from structlog.contextvars import bound_contextvars

from app.captures.evidence import with_look
from app.captures.failures import HOLD, duplicate, over_limit
from app.captures.lanes import BRINGS_FILES, HostBusy, Lanes, Visit
from app.captures.pipeline import Pipeline, is_streamed
from app.captures.streams import Streams
from app.errors import AlertprofError
from app.gate.leased import leased
from app.ledger.ledger import Claim, FenceLost, Full, Ledger, LedgerUnavailable, ProcessTaken
from app.model import Capture

THREADS = 64
LEASE = timedelta(seconds=30)  # on PostgreSQL the death of a replica ends it earlier
RENEW_EVERY = 10.0  # seconds
SHORTEST_NAP = 0.02  # seconds; the row that is due may be held by this replica, with a lease that has expired
LONGEST_NAP = 5.0  # seconds; the call of another replica may be lost

log = structlog.get_logger()


class Worker:
    """The threads of one replica that work on captures.

    now: the time, aware UTC
    threads: how many captures are worked on at the same time, besides recordings that are coming home
    hold: how long an alert may be held back
    on_step: receives each capture before and after a step, and how many seconds the step took
    chores: called every RENEW_EVERY seconds
    """

    def __init__(
        self,
        ledger: Ledger,
        pipeline: Pipeline,
        now: Callable[[], datetime],
        *,
        threads: int = THREADS,
        hold: timedelta = HOLD,
        on_step: Callable[[Capture, Capture, float], None] = lambda before, after, seconds: None,
        chores: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger, self._pipeline, self._now = ledger, pipeline, now
        self._on_step, self._chores, self._hold = on_step, chores, hold
        self._presence = ledger.presence
        self._turnstile = threading.Lock()
        self._hurry, self._stopping = threading.Event(), threading.Event()
        self._held: dict[str, Claim] = {}
        self._lanes, self._streams = Lanes(threads), Streams()
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(threads)]
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._chores_thread = threading.Thread(target=self._run_chores, name="chores", daemon=True)

    def start(self) -> None:
        self._presence.start(self.wake)
        for thread in (*self._threads, self._renewer, self._chores_thread):
            thread.start()

    def follow(self, pipeline: Pipeline, hold: timedelta) -> None:
        """Works by another configuration from the next step on."""
        self._pipeline, self._hold = pipeline, hold

    @property
    def stopping(self) -> bool:
        """Whether the worker is about to end, so that whatever is held has to be released."""
        return self._stopping.is_set()

    def wake(self) -> None:
        """Looks at once whether a row is due."""
        self._hurry.set()

    def stop(self, timeout: float) -> None:
        """Starts no new steps, and waits at most `timeout` seconds for those under way."""
        self._stopping.set()
        self._hurry.set()
        deadline = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        self._streams.join(lambda: max(0.0, deadline - monotonic()))
        self._presence.stop()

    # ------------------------------------------------------------------ the turns

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._turnstile:
                    if found := self._next():
                        self._held[found[0].capture.id] = found[0]
                if found:
                    self._visit(*found)
            except Exception:  # a row that breaks a step must not end the work on all others
                log.exception("a capture could not be worked on")
                self._stopping.wait(1)

    def _next(self) -> tuple[Claim, Visit] | None:
        """The next capture that can be worked on, and the visit in its lane; None when the worker ends."""
        while not self._stopping.is_set():
            self._hurry.clear()
            closed = self._lanes.closed(tuple(self._held))
            try:
                if not (owner := self._presence.owner):
                    self._hurry.wait(LONGEST_NAP)  # it wakes us
                    continue
                now = self._now()
                if claim := self._ledger.claim(now, owner, LEASE, closed):
                    try:
                        return claim, self._lanes.visit(claim.capture)
                    except HostBusy as busy:  # since a moment ago, or the row names its host otherwise
                        self._ledger.release(claim, replace(claim.capture, lane=busy.host))
                        continue
                due = self._ledger.next_due(closed, owner, now)
                nap = (due - now).total_seconds() if due else LONGEST_NAP
            except LedgerUnavailable as fault:
                log.error("the ledger cannot be read", fault=str(fault))
                nap = 1.0
            self._hurry.wait(min(max(nap, SHORTEST_NAP), LONGEST_NAP))
        return None

    def _visit(self, claim: Claim, visit: Visit) -> None:
        began, streamed = monotonic(), None
        try:
            with bound_contextvars(capture_id=claim.capture.id):
                streamed = self._advance(claim, visit=visit)
        finally:
            visit.leave(monotonic() - began)
            if streamed is None:
                self._held.pop(claim.capture.id, None)
            self._hurry.set()  # the waiting thread has not considered this row, nor those of its lane
        if streamed is not None:
            self._streams.run(partial(self._stream, claim, streamed))

    def _stream(self, claim: Claim, capture: Capture) -> None:
        try:
            with bound_contextvars(capture_id=capture.id):
                self._advance(claim, capture)
        finally:
            self._held.pop(claim.capture.id, None)
            self._hurry.set()

    def _advance(self, claim: Claim, capture: Capture | None = None, *, visit: Visit | None = None) -> Capture | None:
        """Takes one step after another while the next one is due at once.

        On a visit, only steps of its lane; returns the capture, still claimed, if its next step is a recording that
        comes home while it is made."""
        capture = capture or claim.capture
        while not (visit and _is_streamed(capture)):
            if not self._is_ours(claim):
                log.warning("another replica may have taken the capture over")
                return None
            began = monotonic()
            with leased(partial(self._presence.holds, claim.owner)):
                wanted = self._step(capture, visit)
            seconds = monotonic() - began
            due_now = wanted.due_at is not None and wanted.due_at <= self._now()
            in_lane = (wanted.step in BRINGS_FILES) is (capture.step in BRINGS_FILES) and not (visit and visit.busy)
            keep = due_now and in_lane and not self._stopping.is_set()
            try:
                after = self._save(claim, capture, wanted, keep=keep)
            except FenceLost:
                log.warning("another replica took the capture over")
                return None
            self._on_step(capture, after, seconds)
            if not keep or after is not wanted:
                return None
            capture = after
        return capture

    def _is_ours(self, claim: Claim) -> bool:
        """Whether the claim holds. Waits while the database cannot be told that this replica lives."""
        while not self._presence.holds(claim.owner):
            if self._presence.lost(claim.owner) or self._stopping.is_set():
                return False
        return True

    def _step(self, capture: Capture, visit: Visit | None) -> Capture:
        """The capture after its next step; unchanged but for its lane if another thread is busy with its host."""
        if visit is None:
            return self._pipeline.advance(capture, self._now())
        try:
            wanted = self._pipeline.advance(capture, self._now(), visit.enter)
        except HostBusy as busy:
            visit.busy = True
            return replace(capture, lane=busy.host)
        visit.failed = wanted.attempt > capture.attempt
        return wanted

    def _save(self, claim: Claim, before: Capture, after: Capture, *, keep: bool) -> Capture:
        """Saves the capture and returns what was saved. Releases the lease unless `keep`. Retries while the ledger is
        unavailable."""
        while True:
            try:
                (self._ledger.save if keep else self._ledger.release)(claim, after)
            except ProcessTaken as taken:
                after = duplicate(after, self._now(), taken.other)
                keep = False
            except Full as full:
                before = with_look(replace(before, target=after.target), after)
                after = over_limit(before, self._now(), full, self._hold)
                keep = False
            except LedgerUnavailable as fault:
                log.error("the ledger does not take a step, it is tried again", fault=str(fault))
                self._hurry.wait(0.5)
                if self._stopping.is_set():
                    raise FenceLost(after.id) from fault
            else:
                return after

    def _renew(self) -> None:
        while not self._stopping.wait(RENEW_EVERY):
            if held := tuple(self._held.values()):
                with suppress(LedgerUnavailable):
                    self._ledger.renew(held, self._now(), LEASE)

    def _run_chores(self) -> None:
        while not self._stopping.wait(RENEW_EVERY):
            try:
                self._chores()
            except LedgerUnavailable as fault:
                log.error("the chores need the ledger, they are tried again", fault=str(fault))
            except Exception:
                log.exception("a chore broke")


def _is_streamed(capture: Capture) -> bool:
    try:
        return is_streamed(capture)
    except (AlertprofError, ValueError):  # a capture without a profiler, which the pipeline ends
        return False

"""The heartbeat: claim what is due, advance it one step, write it down. Started and stopped by main.py.

A few threads take turns: one waits for the next due row while the others work, so that a row is handed to nobody. The
signal to hurry comes from the ledger; without it the rows' own times suffice.
"""

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic

import structlog

from app.captures.holding import may_be_held
from app.captures.pipeline import HOLD, Pipeline, held_back, retry_later, with_deadline
from app.errors import Code, Reason, Retryable
from app.ledger.ledger import Claim, FenceLost, Full, Ledger, LedgerUnavailable, ProcessTaken
from app.model import Capture

LEASE = timedelta(seconds=30)
RENEW_EVERY = 10.0  # seconds
SHORTEST_NAP = 0.02  # seconds; what is due may be held by ourselves, with a lease that has lapsed
LONGEST_NAP = 5.0  # seconds; other replicas make rows due without telling us

log = structlog.get_logger()


class Worker:
    def __init__(
        self,
        ledger: Ledger,
        pipeline: Pipeline,
        now: Callable[[], datetime],
        *,
        threads: int = 16,
        hold: timedelta = HOLD,
        on_step: Callable[[Capture, Capture], None] = lambda before, after: None,
        chores: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger, self._pipeline, self._now = ledger, pipeline, now
        self._on_step, self._chores, self._hold = on_step, chores, hold
        self._owner = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._turnstile = threading.Lock()
        self._hurry, self._stopping = threading.Event(), threading.Event()
        self._held: dict[str, Claim] = {}
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(threads)]
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._keeper = threading.Thread(target=self._keep_house, name="chores", daemon=True)

    def start(self) -> None:
        for thread in (*self._threads, self._renewer, self._keeper):
            thread.start()

    @property
    def stopping(self) -> bool:
        """Asked to end: what is held is to be let go."""
        return self._stopping.is_set()

    def wake(self) -> None:
        """Something may be due now."""
        self._hurry.set()

    def stop(self, timeout: float) -> None:
        """No new steps; those under way are finished, for at most `timeout` seconds in all."""
        self._stopping.set()
        self._hurry.set()
        deadline = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))

    # ------------------------------------------------------------------ the turns

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._turnstile:
                    claim = self._next()
                    if claim:
                        self._held[claim.capture.id] = claim
                if claim:
                    self._advance_held(claim)
            except Exception:  # a row that nobody can work on must not end the work on all others
                log.exception("a capture could not be worked on")
                self._stopping.wait(1)

    def _advance_held(self, claim: Claim) -> None:
        try:
            self._advance(claim)
        finally:
            self._held.pop(claim.capture.id, None)

    def _next(self) -> Claim | None:
        while not self._stopping.is_set():
            self._hurry.clear()
            try:
                now = self._now()
                if claim := self._ledger.claim(now, self._owner, LEASE, held=tuple(self._held)):
                    return claim
                due = self._ledger.next_due()
                nap = (due - now).total_seconds() if due else LONGEST_NAP
            except LedgerUnavailable as fault:
                log.error("the ledger cannot be read", fault=str(fault))
                nap = 1.0
            self._hurry.wait(min(max(nap, SHORTEST_NAP), LONGEST_NAP))
        return None

    def _advance(self, claim: Claim) -> None:
        """Step after step while the next one is due at once."""
        capture = claim.capture
        while True:
            wanted = self._pipeline.advance(capture, self._now())
            keep = not self._stopping.is_set() and wanted.due_at is not None and wanted.due_at <= self._now()
            try:
                after = self._save(claim, capture, wanted, keep=keep)
            except FenceLost:
                log.warning("another replica took the capture over", capture=capture.id)
                return
            self._on_step(capture, after)
            if not keep or after is not wanted:
                self._hurry.set()  # whoever waits did not count on this row: it was held
                return
            capture = after

    def _save(self, claim: Claim, before: Capture, after: Capture, *, keep: bool) -> Capture:
        """Writes the capture down; gives the lease up unless it is kept. Insists while the ledger is unavailable."""
        while True:
            try:
                (self._ledger.save if keep else self._ledger.release)(claim, after)
            except ProcessTaken as taken:
                said = f"capture {taken.other} is already at work on this process; this alert is served by it"
                after, keep = replace(after, process=None).skipped(self._now(), Code.DUPLICATE, said), False
            except Full as full:
                room = without_room(replace(before, target=after.target), self._now(), full, self._hold)
                after, keep = room, False
            except LedgerUnavailable as fault:
                log.error("the ledger does not take a step, it is tried again", capture=after.id, fault=str(fault))
                self._hurry.wait(0.5)
                if self._stopping.is_set():
                    raise FenceLost(after.id) from fault
            else:
                return after

    def _renew(self) -> None:
        while not self._stopping.wait(RENEW_EVERY):
            for claim in list(self._held.values()):
                with suppress(FenceLost, LedgerUnavailable):
                    self._ledger.renew(claim, self._now(), LEASE)

    def _keep_house(self) -> None:
        while not self._stopping.wait(RENEW_EVERY):
            try:
                self._chores()
            except Exception:
                log.exception("a chore broke")


def without_room(capture: Capture, now: datetime, full: Full, hold: timedelta) -> Capture:
    """A capture whose recording would be one too many: an alert's waits for its turn; a person's only for the end of
    another recording."""
    capture = with_deadline(capture, now, hold)
    if full.waits and not may_be_held(capture):
        return retry_later(capture, now, Retryable(Code.BUDGET, str(full)))
    return held_back(capture, now, Reason(Code.BUDGET, str(full)), full.until)

"""The last steps of a capture: fetch, judge and store the files, and clean up the target. Called by pipeline.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from app.captures.artifacts import prepared
from app.captures.evidence import Ladder, explained, in_order
from app.captures.failures import past_deadline
from app.captures.outcome import shortfall
from app.captures.reading import Reading
from app.captures.recording import with_result
from app.captures.secrets import put
from app.captures.specs import besides_done, profiler_of
from app.captures.untaken import waiting, waits
from app.errors import AlertprofError, Code, Reason, Retryable, StoreAway
from app.gate.leased import require_lease
from app.gate.pool import HostPool
from app.ledger.ledger import Ledger, LedgerUnavailable
from app.model import Capture, Kind, State, Step
from app.plugins import kind_of
from app.profilers.base import Fetched, Incoming, Profiler, Recording, host_of
from app.redaction import Redaction
from app.stores import Store
from app.stores.spool import NO_ROOM

POLLED = 3.0  # seconds for the ledger to say whether an end was asked for; it is asked again in a moment


@dataclass(frozen=True, slots=True)
class CollectSteps:
    """Fetches and stores the files of a recording, then removes them from the target.

    check: why a file is not what its kind says, or None
    stopping: whether the service is about to end
    clock: the time at which a streamed recording was over
    redaction: of what is stored
    reading: of the files, for findings
    """

    pool: HostPool
    store: Store
    ledger: Ledger
    ladder: Ladder
    check: Callable[[Sequence[tuple[Kind, Path]]], Mapping[Path, str | None]]
    stopping: Callable[[], bool]
    clock: Callable[[], datetime]
    redaction: Redaction
    reading: Reading

    def stream(self, capture: Capture, now: datetime) -> Capture:
        """The capture after a recording that arrives while it is made. Raises Retryable if our disk is full."""
        if capture.stop_requested_at and capture.attempt:
            return capture.ended(State.CANCELED, now, Reason(Code.REQUESTED, "stopped by request; nothing was kept"))
        if shortage := self.store.shortage():
            raise Retryable(Code.NO_SPACE, shortage)
        collected = self.collect(capture, now)
        return replace(collected, stopped_at=collected.due_at)

    def collect(self, capture: Capture, now: datetime) -> Capture:
        """The capture with its artifacts. Raises StoreAway if our store does not take them."""
        try:
            if outage := self.store.outage():
                raise OSError(outage)
            return self._collect(capture, now)
        except OSError as error:
            code = Code.NO_SPACE if error.errno in NO_ROOM else Code.COLLECT_FAILED
            raise StoreAway(code, f"our own store does not take the files (they stay on the host): {error}") from error

    def clean(self, capture: Capture, now: datetime) -> Capture:
        """The ended capture. Its artifacts are durable and saved, so what the target holds can be removed.

        While our store does not take its evidence, it waits: what that says is part of the findings."""
        capture = self.ladder.end(capture, now)
        if waits(capture, capture.stopped_at):
            return waiting(capture, now)
        profiler = profiler_of(capture)
        try:
            message = profiler.clean(Recording(capture, self.pool, now)).message
        except AlertprofError as fault:
            if isinstance(fault, Retryable) and not past_deadline(capture, now):
                raise
            message = f"files may remain on the host: {fault}"
        capture = capture.with_event(now, "cleaned", message)
        capture = self.reading.with_findings(capture, self._baseline(capture), now)
        shortage = shortfall(capture, profiler)
        reason = explained(capture, shortage) if shortage else None
        return capture.ended(State.FAILED if reason else State.COMPLETED, now, reason)

    def besides(self, capture: Capture, profiler: Profiler, now: datetime) -> Capture:
        """The capture about to start, with the files of the profiler besides its own. It is saved before the start.

        What cannot be had is an event, and no fault of the capture."""
        try:
            kept, message, at = self._with_files(capture, profiler, now)
        except (AlertprofError, OSError) as fault:
            kept, message, at = capture, f"nothing by {kind_of(profiler)}: {fault}", now
        return besides_done(kept.with_event(at, "collected", message)).to(Step.START, due=at)

    def _collect(self, capture: Capture, now: datetime) -> Capture:
        kept, message, at = self._with_files(capture, profiler_of(capture), now)
        return self.ladder.end(kept.with_event(at, "collected", message), at).to(Step.CLEAN, due=at)

    def _with_files(self, capture: Capture, profiler: Profiler, now: datetime) -> tuple[Capture, str, datetime]:
        """The capture with the profiler's files, the message, and the time at which they were there."""
        fetched = list[Fetched]()
        with self.store.incoming(capture.id) as folder:
            incoming = Incoming(folder, fetched.append, partial(self._must_stop, capture))
            result = profiler.collect(Recording(capture, self.pool, now), incoming)
            made = now if profiler.streams else None
            now = self.clock() if profiler.streams else now
            files = prepared(capture, fetched)
            faults = {**capture.notes.get("faults", {}), **self._faults(files)}
            stored = [put(self.store, capture, file, self.redaction, made) for file in files]
        kept = replace(with_result(capture, result), artifacts=in_order((*capture.artifacts, *stored)))
        found = tuple(file.finding for file in files if file.finding)
        kept = replace(kept, notes={**kept.notes, "faults": faults}, findings=(*kept.findings, *found))
        return kept, result.message, now

    def _faults(self, files: Sequence[Fetched]) -> dict[str, str]:
        """The faults of the files, each by the file's kind and suffix."""
        verdicts = self.check([(Kind.OTHER if file.converted else file.kind, file.path) for file in files])
        faults = {f"{file.kind.value}{file.suffix}": file.fault or verdicts[file.path] for file in files}
        return {name: fault for name, fault in faults.items() if fault}

    def _baseline(self, capture: Capture) -> Capture | None:
        """The baseline of the capture's service; None also where the ledger cannot be read."""
        service = capture.target.service if capture.target else ""
        try:
            return self.ledger.baseline(service) if service else None
        except LedgerUnavailable:
            return None

    def _must_stop(self, capture: Capture) -> bool:
        """Whether a streamed recording must end early: somebody has asked for it, or the service is ending.

        Raises Retryable once the lease is over, which ends it at once: another replica may have taken it over."""
        require_lease(host_of(capture))
        try:
            latest = self.ledger.get(capture.id, within=POLLED)
        except LedgerUnavailable:
            return False
        return self.stopping() or (latest is not None and latest.stop_requested_at is not None)

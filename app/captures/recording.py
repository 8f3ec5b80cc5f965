"""The steps from the start of a recording to its end: start, wait, stop. Called by pipeline.py."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.captures.evidence import Ladder, cause_of
from app.captures.specs import profiler_of
from app.errors import Code, Reason, Refused
from app.evidence.death import OOM_KILLED
from app.gate.pool import HostPool
from app.ledger.ledger import Ledger
from app.model import Blocked, Capture, State, Step, Target
from app.profilers import harm
from app.profilers.base import Recording, StepResult


@dataclass(frozen=True, slots=True)
class RecordingSteps:
    """Starts, watches and stops a recording that runs on the target."""

    pool: HostPool
    ledger: Ledger
    ladder: Ladder

    def start(self, capture: Capture, now: datetime) -> Capture:
        """The capture after the start. Its token was committed before; asked again, the target knows the token."""
        profiler, recording = profiler_of(capture), Recording(capture, self.pool, now)
        if capture.stop_requested_at and not profiler.may_have_begun(recording):
            return capture.ended(State.CANCELED, now, Reason(Code.REQUESTED, "stopped by request before it began"))
        if block := self._block(recording):
            begun = replace(capture, started_at=capture.started_at or now)
            return begun.with_event(now, "stopping", harm.blocked_meanwhile(block)).to(Step.STOP, due=now)
        result = profiler.start(recording)
        started = replace(with_result(capture, result), started_at=capture.started_at or now)
        started = self._with_harm(started.with_event(now, "started", result.message), result, now)
        if result.harm:
            return started.to(Step.STOP, due=now)
        at_once = profiler.dumps and not self.pool.crowded  # else the dump is fetched when the recording is looked at
        pause = timedelta(0) if at_once else result.again
        return self.ladder.begin(started, now).to(Step.WAIT, due=now + (pause or timedelta(0)))

    def wait(self, capture: Capture, now: datetime) -> Capture:
        """The capture after a look at its recording: due again later, or about to be stopped."""
        profiler = profiler_of(capture)
        if capture.stop_requested_at:
            return capture.with_event(now, "stopping", profiler.stop_message(capture)).to(Step.STOP, due=now)
        result = profiler.watch(Recording(capture, self.pool, now))
        if result.again is not None:  # the host answers, so the deadline starts anew
            return replace(self.ladder.begin(capture, now), due_at=now + result.again, give_up_at=None, attempt=0)
        over = self._with_harm(with_result(capture, result), result, now).to(Step.STOP, due=now)
        return over.with_event(now, "stopping", result.message) if result.message else over

    def stop(self, capture: Capture, now: datetime) -> Capture:
        """The capture after a request to end its recording. Asked again, the target sends nothing twice.

        Raises Refused if the recording has not ended at the deadline."""
        result = profiler_of(capture).stop(Recording(capture, self.pool, now))
        if result.again is None:
            stopped = replace(self._with_harm(with_result(capture, result), result, now), stopped_at=now)
            return stopped.with_event(now, "stopped", result.message).to(Step.COLLECT, due=now)
        if capture.give_up_at and now >= capture.give_up_at:
            host = capture.target and capture.target.host
            raise Refused(Code.TIMEOUT, f"the recording does not end; {host} was asked often")
        return replace(capture, due_at=now + result.again)

    def _block(self, recording: Recording) -> Blocked | None:
        """The block of the executable, if the recording may have begun already and has to end.

        Raises Refused if the executable is blocked and nothing has begun."""
        capture = recording.capture
        profiler, target = profiler_of(capture), capture.target or Target("")
        block = self.ledger.blocked_as(capture.notes.get(harm.BUILD, "")) if profiler.signals else None
        if block and not profiler.may_have_begun(recording):
            raise harm.refusal(target.host, target.pid or 0, Path(target.exe).name, block)
        return block

    def _with_harm(self, capture: Capture, result: StepResult, now: datetime) -> Capture:
        """The capture with the harm that its signal did.

        A process that the kernel says it killed for lack of memory was not harmed by the signal. Otherwise the
        executable is blocked first. If we die in between, it is not signalled again, and whoever takes over learns the
        same from the target."""
        if result.harm is None or harm.reason_of(capture):
            return capture
        capture = self.ladder.end(capture, now)
        if (cause := cause_of(capture)).startswith(OOM_KILLED):
            return capture.with_event_once(now, "stopping", f"{cause}: the signal is not blamed for it")
        if block := harm.blocked(capture, result.harm, now):
            self.ledger.block(block)
        return harm.harmed(capture, result.harm, now)


def with_result(capture: Capture, result: StepResult) -> Capture:
    """The capture with the notes and findings of a step's result."""
    notes: Mapping[str, Any] = {**capture.notes, **result.notes}
    return replace(capture, notes=notes, findings=(*capture.findings, *result.findings))

"""The goroutine dump comes home at once, and not with the recording: the process may be dead by then.

Called by pipeline.py right after a recording has begun. What cannot be had now is left to the collecting step, and
costs the recording nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.analysis.verdict import is_dump
from app.captures.evidence import in_order
from app.captures.recording import with_result
from app.captures.secrets import put
from app.captures.specs import profiler_of
from app.errors import AlertprofError
from app.gate.pool import HostPool
from app.model import Artifact, Capture, Step
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.redaction import Redaction
from app.stores import Store

TAKEN = "dumped"  # in a capture's notes, once this was tried


def is_due(capture: Capture) -> bool:
    """Whether the capture records, and its profiler gives a dump that was not asked for yet."""
    return capture.step is Step.WAIT and TAKEN not in capture.notes and profiler_of(capture).dumps


@dataclass(frozen=True, slots=True)
class DumpStep:
    """Fetches the dump and stores it."""

    pool: HostPool
    store: Store
    redaction: Redaction

    def run(self, capture: Capture, now: datetime) -> Capture:
        """The capture with its dump as an artifact, if there is one. Never raises AlertprofError or OSError."""
        profiler, fetched = profiler_of(capture), list[Fetched]()
        stored, recording = tuple[Artifact, ...](), Recording(capture, self.pool, now)
        try:
            with self.store.incoming(capture.id) as folder:
                result = profiler.dump(recording, Incoming(folder, fetched.append))
                good = [file for file in fetched if not file.fault and is_dump(file.kind, file.path)]
                stored = tuple(put(self.store, capture, file, self.redaction) for file in good)
        except (AlertprofError, OSError) as fault:
            result = StepResult(f"the goroutine dump is not home yet: {fault}")
        due = now + (result.again or timedelta(0))
        noted = with_result(replace(capture, artifacts=in_order((*capture.artifacts, *stored)), due_at=due), result)
        noted = replace(noted, notes={**noted.notes, TAKEN: bool(stored)})
        return noted.with_event(now, "dumped", result.message) if result.message else noted

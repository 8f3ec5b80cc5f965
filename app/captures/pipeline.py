"""The steps of one capture. worker.py calls `Pipeline.advance` with one capture that is due.

    resolve   which host, which process, may it be profiled    leaves no trace if we die here       resolve.py
    start     start the recording                              the token is committed before        recording.py
    wait      first the goroutine dump                         home at once, durable before the end dumps.py
              look now and then whether it still records       a row, not a thread                  recording.py
    stop      end the recording                                asked again, nothing is sent twice   recording.py
    collect   fetch, judge and store the files                 what is stored is not fetched again  collecting.py
    clean     remove what we made on the target                only when our copy is durable        collecting.py
    the end   bring the evidence home, then remove it there    saved in between, however it ends    ending.py

Each step takes the capture and the time and returns the next capture; nothing is remembered here. A `Refused` ends the
capture with its reason. A `Retryable` is retried until the step's deadline, then it ends the capture as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from app.analysis.diff.asking import difference_of
from app.captures import dumps, ending
from app.captures.collecting import CollectSteps
from app.captures.evidence import Ladder, explained
from app.captures.failures import HOLD, again, fail, retry_later, with_deadline
from app.captures.foreign_rules import ForeignRules
from app.captures.lanes import HostBusy
from app.captures.outcome import only_proven
from app.captures.reading import Compare, Read, Reading
from app.captures.recording import RecordingSteps
from app.captures.resolve import ResolveStep
from app.captures.seen import SeenLately
from app.captures.specs import besides_of, profiler_of
from app.errors import Code, Refused, Retryable
from app.gate.entry import NoEntry
from app.gate.pool import HostPool
from app.intake.rules import Rule
from app.ledger.clock import machine
from app.ledger.ledger import Ledger, LedgerUnavailable
from app.model import Capture, Kind, Step
from app.redaction import BUILT_IN, Redaction
from app.resolvers.base import Resolver
from app.stores import Store

# Once a signal may have been sent there is something to end and to fetch: a host that turns us away is asked again.
UNDER_WAY = frozenset({Step.START, Step.WAIT, Step.STOP, Step.COLLECT})
TURNED_AWAY = frozenset({Code.AUTH_FAILED, Code.HOST_KEY_MISMATCH})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps, with everything that they act on.

    check: why a file is not what its kind says, or None
    stopping: whether the service is about to end
    clock: the time at which a process was found, or a streamed recording was over
    hold: how long an alert may be held back
    adopt: adds what was taken while the capture's alert was pending
    redaction: of what is stored
    read: the facts in files, for findings; compare: the difference of two files, likewise
    seen: the processes of the last alerts
    """

    pool: HostPool
    store: Store
    ledger: Ledger
    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    check: Callable[[Sequence[tuple[Kind, Path]]], Mapping[Path, str | None]]
    stopping: Callable[[], bool] = lambda: False
    clock: Callable[[], datetime] = machine
    hold: timedelta = HOLD
    adopt: Callable[[Capture, datetime], Capture] = lambda capture, now: capture
    redaction: Redaction = BUILT_IN
    read: Read = lambda paths, module: {}
    compare: Compare = difference_of
    seen: SeenLately = field(default_factory=SeenLately)

    @property
    def _ladder(self) -> Ladder:
        return Ladder(self.pool, self.store)

    @property
    def _foreign(self) -> ForeignRules:
        return ForeignRules(self.rules, self.ledger.known_rules.elsewhere)

    def advance(self, capture: Capture, now: datetime, enter: Callable[[str], None] = lambda host: None) -> Capture:
        """The capture after its next step. Raises nothing but the HostBusy of `enter`, which is called with each host
        before a process is looked for there."""
        if ending.ends(capture):
            return ending.end(capture, self._ladder, now)
        return ending.with_last_visit(capture, self._advanced(capture, now, enter), self._ladder, now)

    def _advanced(self, capture: Capture, now: datetime, enter: Callable[[str], None]) -> Capture:
        capture = with_deadline(capture, now, self.hold)
        try:
            return self._step(capture, now, enter)
        except HostBusy:
            raise
        except Refused as refused:
            turned_away = refused.reason.code in TURNED_AWAY or isinstance(refused, NoEntry)
            if turned_away and capture.step in UNDER_WAY:
                return retry_later(capture, now, Retryable(refused.reason.code, refused.reason.message))
            capture = self._ladder.end(capture, now) if capture.step in UNDER_WAY else capture
            capture = only_proven(capture) if refused.reason.code is Code.EVIDENCE_CONFLICT else capture
            return fail(capture, now, explained(capture, refused.reason))
        except Retryable as fault:
            return retry_later(capture, now, fault)
        except LedgerUnavailable as fault:
            log.error("a step needs the ledger, it is tried again", capture_id=capture.id, fault=str(fault))
            return again(capture, now).with_event_once(now, "waiting", str(fault))
        except Exception as fault:  # a fault of ours must not lose the capture: it is retried, then it is the reason
            log.exception("a step broke", capture_id=capture.id, step=capture.step.value)
            said = f"alertprof's own fault while at {capture.step.value}: {type(fault).__name__}: {fault}"
            return retry_later(capture, now, Retryable(Code.TIMEOUT, said[:500]))

    def _step(self, capture: Capture, now: datetime, enter: Callable[[str], None]) -> Capture:
        if capture.step is not Step.RESOLVE and (left := self._foreign.left(capture, now)):
            return left
        ladder = self._ladder
        recording = RecordingSteps(self.pool, self.ledger, ladder)
        reading = Reading(self.store, self.read, self.compare)
        collecting = CollectSteps(
            self.pool, self.store, self.ledger, ladder, self.check, self.stopping, self.clock, self.redaction, reading
        )
        if dumps.is_due(capture):
            return dumps.DumpStep(self.pool, self.store, self.redaction).run(capture, now)
        if is_streamed(capture):
            return collecting.stream(capture, now)
        if capture.step is Step.START and not capture.stop_requested_at and (besides := besides_of(capture)):
            return collecting.besides(capture, besides, now)
        steps = {
            Step.RESOLVE: ResolveStep(
                *(self.pool, self.ledger, self.rules, self.resolvers, ladder, self.adopt),
                *(self.seen, enter, self._foreign, self.clock, self.hold),
            ).run,
            Step.START: recording.start,
            Step.WAIT: recording.wait,
            Step.STOP: recording.stop,
            Step.COLLECT: collecting.collect,
            Step.CLEAN: collecting.clean,
        }
        return steps[capture.step](capture, now)


def is_streamed(capture: Capture) -> bool:
    """Whether the next step is a recording that comes home while it is made: it takes as long as the recording."""
    return (
        capture.step is Step.WAIT
        and not ending.ends(capture)
        and not dumps.is_due(capture)
        and profiler_of(capture).streams
    )

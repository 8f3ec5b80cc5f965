"""What becomes of a capture whose step failed: it is retried, held back, or ends with the reason. Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.captures.holding import held, may_be_held
from app.errors import AlertprofError, Code, Reason, Retryable, StoreAway
from app.gate.host_session import LeftAlone
from app.ledger.ledger import Bounds, Full
from app.model import Capture, State, Step, Target
from app.profilers import harm
from app.resolvers.base import host_of
from app.services import service_of

# How long a step is retried.
DEADLINES = {
    Step.RESOLVE: timedelta(minutes=5),
    Step.START: timedelta(minutes=5),
    Step.WAIT: timedelta(minutes=30),
    Step.STOP: timedelta(minutes=30),
    Step.COLLECT: timedelta(hours=1),
    Step.CLEAN: timedelta(minutes=10),
}
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # seconds until the next attempt, by the attempts so far
HOLD = Bounds().hold
DECIDED_AGAINST = frozenset({Code.COOLDOWN, Code.BUDGET, Code.PAUSED, Code.DUPLICATE, Code.NO_RULE})


def with_deadline(capture: Capture, now: datetime, hold: timedelta = HOLD) -> Capture:
    """The capture with the time at which its step is no longer retried. hold: how long an alert may be held back."""
    if capture.give_up_at:
        return capture
    length = hold if may_be_held(capture) else DEADLINES[capture.step]
    return replace(capture, give_up_at=now + length)


def past_deadline(capture: Capture, now: datetime) -> bool:
    """Whether the step's deadline is over and enough attempts were made.

    An hour in which the service did not run does not count against the host."""
    return capture.give_up_at is not None and now >= capture.give_up_at and capture.attempt >= len(BACK_OFF)


def retry_later(capture: Capture, now: datetime, fault: Retryable) -> Capture:
    """The capture after a fault that may pass: due again soon, or at its end if the step's deadline is over."""
    store_away = isinstance(fault, StoreAway) and capture.step is not Step.WAIT  # a streamed recording is on no host
    if store_away and stop_requested_again(capture):
        return fail(capture, now, fault.reason)
    if store_away:  # the files are safe on the host: they are fetched whenever our store takes them again
        capture = replace(capture, give_up_at=None)
    if may_be_held(capture):
        until = now + timedelta(seconds=fault.seconds) if isinstance(fault, LeftAlone) else None
        return held_back(capture, now, fault.reason, until)
    if past_deadline(capture, now):
        return fail(capture, now, fault.reason)
    if store_away and capture.attempt >= len(BACK_OFF):  # it may last for days, and is said by now
        return again(capture, now)
    return again(capture, now).with_event_once(now, "waiting", fault.reason.message)


def again(capture: Capture, now: datetime) -> Capture:
    """The capture, due again: soon at first, then less often."""
    delay = timedelta(seconds=BACK_OFF[min(capture.attempt, len(BACK_OFF) - 1)])
    return replace(capture, attempt=capture.attempt + 1, due_at=now + delay)


def after_fault(capture: Capture, now: datetime, fault: AlertprofError) -> Capture:
    """The capture after a fault: at its end if the fault is final, retried or held back if it may pass."""
    if isinstance(fault, Retryable):
        return retry_later(capture, now, fault)
    return fail(capture, now, fault.reason)


def stop_requested_again(capture: Capture) -> bool:
    """Whether somebody asked for an end after the recording had ended: then it ends without the files."""
    if capture.stopped_at is None or capture.stop_requested_at is None:
        return False
    return capture.stop_requested_at > capture.stopped_at


def held_back(capture: Capture, now: datetime, reason: Reason, until: datetime | None = None) -> Capture:
    """An alert's capture waits for the reason to pass; a person's capture ends with it."""
    waiting = held(capture, now, reason, until) if may_be_held(capture) else None
    return waiting or fail(capture, now, reason)


def fail(capture: Capture, now: datetime, reason: Reason) -> Capture:
    """The capture after a final fault: skipped if it was decided against, failed if it could not be done."""
    capture = replace(capture, target=capture.target or target_in(capture.trigger.labels))
    if harmed := harm.reason_of(capture):
        return capture.with_event(now, "waiting", reason.message).ended(State.FAILED, now, harmed)
    state = State.SKIPPED if reason.code in DECIDED_AGAINST else State.FAILED
    return capture.ended(state, now, reason)


def duplicate(capture: Capture, now: datetime, other: str) -> Capture:
    """A capture whose process has an active one already. other: its id."""
    said = f"capture {other} is already at work on this process; this alert is served by it"
    return replace(capture, process=None).skipped(now, Code.DUPLICATE, said)


def resolved_before_start(capture: Capture, now: datetime) -> Capture:
    """The end of a capture whose alert was resolved, with the reason for which it was held back, if it was."""
    if capture.reason:
        message = "the alert was resolved while it was held back"
        return fail(capture.with_event(now, "resolved", message), now, capture.reason)
    return capture.skipped(now, Code.RESOLVED_BEFORE_START, "the alert was resolved before a recording began")


def target_in(labels: Mapping[str, str]) -> Target | None:
    """The target that the labels name, for a capture whose process was never found."""
    host, pid = host_of(labels), labels.get("pid", "")
    number = int(pid) if re.fullmatch(r"[1-9][0-9]{0,6}", pid, re.ASCII) else None
    return Target(host, number, service_of(labels)) if host else None


def over_limit(capture: Capture, now: datetime, full: Full, hold: timedelta) -> Capture:
    """A capture whose recording would exceed a limit. An alert's capture waits until there is room; a person's waits
    only for the end of another recording."""
    capture = with_deadline(capture, now, hold)
    if full.waits and not may_be_held(capture):
        return retry_later(capture, now, Retryable(Code.BUDGET, str(full)))
    return held_back(capture, now, Reason(Code.BUDGET, str(full)), full.until)

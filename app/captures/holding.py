"""An alert's capture that is held back for a reason that may pass. Pure; called by failures.py, resolve.py, worker.py.

The capture stays one pending row that shows the reason and is due later. It begins when it is due and nothing hinders
it any more. It ends with the reason when it has been held back for `limits.hold` or the alert is resolved.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from app.errors import Code, Reason
from app.model import Capture, Step

# Seconds until the next attempt, by the number of attempts so far. Hundreds of such rows must cost little.
DELAYS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
ENOUGH_ATTEMPTS = 7  # at a host; an hour in which the service did not run does not count against the host
WHILE_PAUSED = timedelta(minutes=5)  # a resume makes the rows due at once; this is for one that the resume missed
OURS = frozenset({Code.PAUSED, Code.COOLDOWN, Code.BUDGET})  # reasons that the ledger knows, without the host


def may_be_held(capture: Capture) -> bool:
    """Whether the capture is an alert's and nothing has been signalled yet. A person wants to know at once."""
    return capture.trigger.kind == "alert" and capture.step is Step.RESOLVE


def held(capture: Capture, now: datetime, reason: Reason, until: datetime | None = None) -> Capture | None:
    """The capture, due again when `until` has come, or after a growing delay; None if its time to be held is over."""
    ours = reason.code in OURS
    over = capture.give_up_at is not None and now >= capture.give_up_at
    if over and (ours or capture.attempt >= ENOUGH_ATTEMPTS):
        return None
    due = max(now if over or not until else until, now + _delay(capture.attempt))
    if capture.give_up_at and not over:
        due = min(due, capture.give_up_at)
    attempt = capture.attempt + 1 if ours else _attempts(capture.attempt, due - now)
    waiting = replace(capture, reason=reason, attempt=attempt, due_at=due)
    return waiting.with_event_once(now, "waiting", reason.message)


def _delay(attempt: int) -> timedelta:
    return timedelta(seconds=DELAYS[min(attempt, len(DELAYS) - 1)])


def _attempts(attempt: int, wait: timedelta) -> int:
    """The number of attempts after a wait: of those that are known to be in vain, none is made, and all count."""
    while wait > timedelta(0):
        wait, attempt = wait - _delay(attempt), attempt + 1
    return attempt


def is_hot(ended_at: datetime, cooldown: timedelta, now: datetime) -> bool:
    """Whether the cooldown after a capture is not over. Clocks of replicas differ a little; an end that is further in
    the future than the cooldown is from before the clock was set, and holds nothing back."""
    return now - cooldown < ended_at <= now + cooldown

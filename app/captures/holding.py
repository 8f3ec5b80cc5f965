"""An alert that is held back for a reason that passes: it stays one row, pending, that shows the reason and is due
later. Pure; called by pipeline.py and worker.py.

It is taken up when it is due and nothing is in its way any more. When it has been held for as long as `limits.hold`
says, or the alert is resolved, it ends with the reason that it was held back for. Nothing waits for it but its row.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from app.errors import Code, Reason
from app.model import Capture, Step

# Seconds until the next try, after so many tries. Hundreds of held rows must cost little.
LADDER = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
ENOUGH_TRIES = 7  # of a host, so that an hour in which we were away ourselves is not held against it
WHILE_PAUSED = timedelta(minutes=5)  # the resume makes these rows due at once; this is for the one that it missed
OURS = frozenset({Code.PAUSED, Code.COOLDOWN, Code.BUDGET})  # reasons that are looked up here, not tried out there


def may_be_held(capture: Capture) -> bool:
    """An alert that has signalled nothing yet. A person would rather know at once."""
    return capture.trigger.kind == "alert" and capture.step is Step.RESOLVE


def held(capture: Capture, now: datetime, reason: Reason, until: datetime | None = None) -> Capture | None:
    """The capture, held back for this reason until then, or for a while that grows; None: its time for that is over."""
    if capture.give_up_at and now >= capture.give_up_at and (reason.code in OURS or capture.attempt >= ENOUGH_TRIES):
        return None
    wait = LADDER[min(capture.attempt, len(LADDER) - 1)]
    due = max(until or now, now + timedelta(seconds=wait))
    if capture.give_up_at and capture.give_up_at > now:
        due = min(due, capture.give_up_at)
    later = replace(capture, reason=reason, attempt=capture.attempt + 1, due_at=due)
    news = not capture.timeline or capture.timeline[-1].message != reason.message
    return later.with_event(now, "waiting", reason.message) if news else later

"""The moments at which rungs are climbed, and what becomes of one rung at one of them. Called by evidence.py."""

from collections.abc import Callable
from enum import Enum

import structlog

from app.errors import Code, Refused, Retryable
from app.evidence.base import Gathered, Rung, Subject
from app.plugins import kind_of

# Keys of a capture's notes. Of each moment: True once every rung was climbed, before that the kinds of those that were.
LOOKED, BEGUN, ENDED, CLEANED = "looked", "sampled", "gathered", "cleaned"
EXITED = frozenset({Code.PROCESS_EXITED, Code.PROCESS_REPLACED})

log = structlog.get_logger()

Climb = Callable[[Rung, Subject], Gathered]


class Outcome(Enum):
    """What became of a rung at one moment. DONE: it is not asked again; MAY_COME: it is waited for; ASK_AGAIN: it is
    asked at the next step, if there is one."""

    DONE, MAY_COME, ASK_AGAIN = range(3)


def climbed(climb: Climb, rung: Rung, subject: Subject, moment: str) -> tuple[Gathered, Outcome]:
    """What a rung brings home, and whether that is all that it will."""
    but = "remains on the host" if moment == CLEANED else "is missing"
    try:
        return climb(rung, subject), Outcome.DONE
    except Retryable as fault:
        return Gathered(f"{kind_of(rung)} {but}: {fault.reason.message}"), Outcome.MAY_COME
    except Refused as fault:  # of a host that was restarted nothing comes any more
        final = moment != ENDED or fault.reason.code in EXITED
        return Gathered(f"{kind_of(rung)} {but}: {fault.reason.message}"), Outcome.DONE if final else Outcome.ASK_AGAIN
    except Exception as fault:  # a fault of ours must not cost the capture
        log.exception("a rung broke", capture_id=subject.capture.id, rung=kind_of(rung))
        outcome = Outcome.MAY_COME if moment == ENDED else Outcome.DONE
        return Gathered(f"{kind_of(rung)} {but}: {type(fault).__name__}: {fault}"[:500]), outcome

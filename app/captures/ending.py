"""The end of a capture that has evidence on its host: it is brought home, saved, and only then removed there.

Called by pipeline.py with each capture that ends, however it does. So nothing stays on the host of one that failed or
was canceled, and kill -9 in between loses nothing: the row says how the capture is to end. What our store does not take
is waited for however long that lasts; what the host does not give, for TRIED_FOR.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from app.captures.evidence import Ladder, explained
from app.captures.failures import again, past_deadline
from app.captures.moments import BEGUN, CLEANED, ENDED
from app.captures.untaken import HOST, KEPT, TRIED_FOR, WAITS, waiting, waits
from app.errors import Code, Reason
from app.model import STATE_OF, Capture, State, Step

ENDING = "ending"  # in a capture's notes: its state and reason, once its evidence has been removed


def ends(capture: Capture) -> bool:
    """Whether nothing is left to be done but to remove what is on the host."""
    return ENDING in capture.notes


def with_last_visit(before: Capture, after: Capture, ladder: Ladder, now: datetime) -> Capture:
    """`after`, which followed `before`; if it has ended and evidence is on its host, then not ended yet: `end` ends it
    once it was saved."""
    if not after.state.ended or CLEANED in after.notes:
        return after
    if after.notes.keys().isdisjoint((BEGUN, ENDED)):
        return ladder.given_up(ladder.end(after, now), now) if KEPT in after.notes else after
    kept = ladder.end(after, now)
    reason = explained(kept, kept.reason) if kept.reason else None
    give_up, attempt = (before.give_up_at, before.attempt) if before.step is Step.CLEAN else (None, 0)
    how: dict[str, Any] = {"state": kept.state.value, "at": (kept.ended_at or now).isoformat()}
    how |= {"code": reason.code.value, "message": reason.message} if reason else {}
    return replace(
        kept,
        state=STATE_OF[Step.CLEAN],  # it holds no place of a recording, however long this takes
        step=Step.CLEAN,
        reason=before.reason,
        due_at=now,
        give_up_at=give_up or now + TRIED_FOR,
        attempt=attempt,
        ended_at=None,
        notes={**kept.notes, ENDING: how},
    )


def end(capture: Capture, ladder: Ladder, now: datetime) -> Capture:
    """The ended capture, or one that tries again soon. Its artifacts are durable and saved."""
    how = capture.notes[ENDING]
    ended_at = datetime.fromisoformat(how["at"])
    capture = ladder.end(capture, now)
    if waits(capture, capture.stopped_at or ended_at):
        return waiting(capture, now)
    over = past_deadline(capture, now)
    if capture.notes.get(WAITS) == HOST and not over:
        return again(capture, now)
    cleaned = ladder.clean(capture, now, missing=WAITS in capture.notes)
    if cleaned.notes[CLEANED] is not True and not over:
        return again(cleaned, now)
    cleaned = ladder.given_up(cleaned, now)
    reason = explained(cleaned, Reason(Code(how["code"]), how["message"])) if "code" in how else None
    return replace(
        cleaned,
        state=State(how["state"]),
        step=Step.DONE,
        reason=reason,
        due_at=None,
        give_up_at=None,
        ended_at=ended_at,
        notes={key: note for key, note in cleaned.notes.items() if key != ENDING},
    )

"""One transaction of a worker: what a capture became, the place that it takes, and whom its end is told."""

from datetime import datetime

import sqlalchemy as sa

from app.ledger import affinity, capacity, claims, labels
from app.ledger.capacity import Bounds
from app.ledger.claims import Claim, ProcessTaken
from app.ledger.notices import Added, Notices
from app.ledger.rows import micro
from app.ledger.schema import captures
from app.model import Capture, Step

_c = captures.c
_ENDED = sa.select(_c.id).where(
    _c.life == sa.bindparam("life"),
    _c.trigger_kind == "alert",
    _c.started_at.is_not(None),
    _c.ended_at > sa.bindparam("since"),
    _c.id != sa.bindparam("key"),
)


def write(
    connection: sa.Connection,
    claim: Claim,
    capture: Capture,
    *,
    release: bool,
    bounds: Bounds | None,
    notices: Notices,
    now: datetime,
) -> tuple[bool, Added]:
    """Writes the capture; and whether that made others due, and which notices it added. Raises as Ledger.save, and
    IntegrityError when another capture is active on its process."""
    if bounds and capture.step is Step.START and claim.capture.step is Step.RESOLVE:
        _take_place(connection, capture, bounds, now)
    labels.rename(connection, capture)
    claims.save(connection, claim, capture, release=release)
    affinity.follow(connection, claim.capture, capture, claim.owner, now)
    added = notices.add(connection, capture, now) if capture.state.ended else Added()
    return capacity.freed(connection, capture, now), added


def _take_place(connection: sa.Connection, capture: Capture, bounds: Bounds, now: datetime) -> None:
    """Takes the place for one more recording. ProcessTaken is the better reason, so it is looked for first."""
    other = claims.active_on(connection, capture.process.key) if capture.process else None
    if other in (None, capture.id):
        other = _ended_meanwhile(connection, capture)
    if other is not None:
        raise ProcessTaken(other)
    capacity.take(connection, capture, bounds, now)


def _ended_meanwhile(connection: sa.Connection, capture: Capture) -> str | None:
    """The capture of this process that another replica has ended since this one's alert was looked at, and so knew
    nothing of its cooldown."""
    if capture.trigger.kind != "alert" or capture.process is None or not capture.timeline:
        return None
    since = micro(capture.timeline[-1].at)
    return connection.execute(_ENDED, {"life": capture.process.key, "since": since, "key": capture.id}).scalar()

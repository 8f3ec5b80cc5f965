"""Records a batch of deliveries in one transaction, which the ledger opens.

It reads the current rows of all fingerprints in the batch, decides about one alert after the other (admission), and
writes with a few statements. Alerts of a batch see the effect of those before them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from app.errors import Code, Reason
from app.ledger import bulk, labels, switches
from app.ledger.rows import micro, moment_or_none, new_row
from app.ledger.schema import captures
from app.model import Alert, Capture, Decision, Episode, State, Step

_c = captures.c
_CURRENT = sa.select(
    captures.c.episode,
    captures.c.id,
    captures.c.state,
    captures.c.reason_code,
    captures.c.ended_at,
    captures.c.resolved_at,
    captures.c.starts_at,
).where(captures.c.episode.in_(sa.bindparam("fingerprints", expanding=True)))
# If another replica was quicker, this changes nothing and the insert violates the unique index.
_SUPERSEDE = (
    sa.update(captures)
    .where(captures.c.id == sa.bindparam("old"), captures.c.episode.is_not(None))
    .values(episode=sa.null())
)
_RESOLVE = (
    sa.update(captures)
    .where(captures.c.id == sa.bindparam("known"), captures.c.resolved_at.is_(None))
    .values(resolved_at=sa.bindparam("at"))
)
# A capture that is held back becomes due when its alert is resolved.
_WAKE_RESOLVED = (
    sa.update(captures)
    .where(
        _c.id.in_(sa.bindparam("resolved", expanding=True)),
        _c.step == Step.RESOLVE,
        _c.due_at > sa.bindparam("now"),
    )
    .values(due_at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The alerts of one message. body: the message as it came, None if it is not to be kept; left_out: how many more
    alerts it says there are (max_alerts)."""

    alerts: Sequence[Alert]
    body: bytes | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery: ids of new captures; ids of the captures of repeats; (fingerprint, reason) of the
    rest; the rules that answered new alerts, with or without a capture.

    A resolved alert is recorded on its capture and does not appear here.
    """

    created: tuple[str, ...]
    known: tuple[str, ...]
    skipped: tuple[tuple[str, Reason], ...]
    matched: tuple[str, ...] = ()


class Decide(Protocol):
    """admission.decide, bound to the rules. It has to be pure: a batch that conflicts with another replica is decided
    again."""

    def __call__(self, alert: Alert, episode: Episode | None, *, now: datetime, paused: str | None) -> Decision: ...


def record(
    connection: sa.Connection, deliveries: Sequence[Delivery], decide: Decide, now: datetime
) -> tuple[list[Receipt], bool]:
    """Records these deliveries. Returns the receipts in their order, and whether a capture is due now. Raises
    IntegrityError when another replica has just begun one of the episodes."""
    fingerprints = {alert.fingerprint for delivery in deliveries for alert in delivery.alerts}
    batch = _Batch(current(connection, fingerprints), decide, now, switches.paused(connection))
    receipts = [batch.take(delivery.alerts) for delivery in deliveries]
    woken = batch.write(connection)
    return receipts, woken or any(receipt.created for receipt in receipts)


def current(connection: sa.Connection, fingerprints: Collection[str]) -> dict[str, Episode]:
    """The current episode of each of these fingerprints that has one."""
    rows = connection.execute(_CURRENT, {"fingerprints": list(fingerprints)})
    return {
        fingerprint: Episode(
            id_,
            State(state),
            Code(code) if code else None,
            moment_or_none(ended),
            moment_or_none(resolved),
            moment_or_none(started),
        )
        for fingerprint, id_, state, code, ended, resolved, started in rows
    }


class _Batch:
    """What the batch has read, and what it is going to write."""

    def __init__(self, current: dict[str, Episode], decide: Decide, now: datetime, paused: str | None) -> None:
        self.current, self.decide, self.now, self.paused = current, decide, now, paused
        self.new: dict[str, dict[str, Any]] = {}  # id -> row
        self.captures: list[Capture] = []
        self.superseded: list[str] = []
        self.resolved: list[dict[str, Any]] = []

    def take(self, alerts: Sequence[Alert]) -> Receipt:
        created: list[str] = []
        known: list[str] = []
        skipped: list[tuple[str, Reason]] = []
        matched: list[str] = []
        for alert in alerts:
            episode = self.current.get(alert.fingerprint)
            if not alert.firing:
                self.resolve(alert, episode)
                continue
            decision = self.decide(alert, episode, now=self.now, paused=self.paused)
            if isinstance(decision, Episode):
                known.append(decision.capture_id)
                continue
            self.begin(alert.fingerprint, episode, decision)
            if decision.rule:
                matched.append(decision.rule)
            if decision.reason and decision.state.ended:
                skipped.append((alert.fingerprint, decision.reason))
            else:
                created.append(decision.id)
        return Receipt(tuple(created), tuple(dict.fromkeys(known)), tuple(skipped), tuple(matched))

    def begin(self, fingerprint: str, old: Episode | None, capture: Capture) -> None:
        if old is not None and old.capture_id in self.new:
            self.new[old.capture_id]["episode"] = None
        elif old is not None:
            self.superseded.append(old.capture_id)
        row = new_row(capture)
        row["episode"] = fingerprint
        self.new[capture.id] = row
        self.captures.append(capture)
        reason = capture.reason.code if capture.reason else None
        starts_at = capture.trigger.starts_at
        self.current[fingerprint] = Episode(capture.id, capture.state, reason, capture.ended_at, None, starts_at)

    def resolve(self, alert: Alert, episode: Episode | None) -> None:
        if episode is None or episode.resolved_at is not None:
            return
        at = alert.ends_at or self.now
        self.current[alert.fingerprint] = replace(episode, resolved_at=at)
        if episode.capture_id in self.new:
            self.new[episode.capture_id]["resolved_at"] = micro(at)
        else:
            self.resolved.append({"known": episode.capture_id, "at": micro(at)})

    def write(self, connection: sa.Connection) -> bool:
        """Writes the batch in the order of ids and fingerprints, so that two replicas cannot deadlock. Returns whether
        a capture that was held back has become due."""
        if self.superseded:
            connection.execute(_SUPERSEDE, [{"old": old} for old in sorted(self.superseded)])
        if self.resolved:
            connection.execute(_RESOLVE, sorted(self.resolved, key=lambda note: str(note["known"])))
        ended = {"resolved": [note["known"] for note in self.resolved], "now": micro(self.now)}
        woken = bool(self.resolved) and connection.execute(_WAKE_RESOLVED, ended).rowcount > 0
        if self.new:
            rows = sorted(self.new.values(), key=lambda row: str(row["fingerprint"]))
            bulk.insert(connection, captures, [*rows[0]], [tuple(row.values()) for row in rows])
            labels.add(connection, self.captures)
        return woken

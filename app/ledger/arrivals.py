"""What a batch of deliveries does to the table, in one transaction that the inbox opens.

One look at the current rows of all fingerprints in the batch, then alert after alert the decision (admission, given
to the ledger), then at most three statements. Alerts of one batch see what those before them did.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from app.errors import Code, Reason
from app.ledger import switches
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
).where(captures.c.episode.in_(sa.bindparam("fingerprints", expanding=True)))
# Another replica may have been quicker; then this touches nothing, and the insert meets the unique index.
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
# What is held back shall not wait to hear of it.
_HEAR = (
    sa.update(captures)
    .where(
        _c.id.in_(sa.bindparam("resolved", expanding=True)),
        _c.step == Step.RESOLVE,
        _c.due_at > sa.bindparam("now"),
    )
    .values(due_at=sa.bindparam("now"))
)
_INSERT = sa.insert(captures)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The alerts of one message, and the message itself as it came; None: it is not to be kept. `left_out`: how many
    more there are by its own words (max_alerts)."""

    alerts: Sequence[Alert]
    body: bytes | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery: ids of new captures, ids that repeats fell on, (fingerprint, reason) of the rest.

    A resolved alert is noted on its capture and appears nowhere.
    """

    created: tuple[str, ...]
    known: tuple[str, ...]
    skipped: tuple[tuple[str, Reason], ...]


class Decide(Protocol):
    """admission.decide, bound to the rules. Must be pure: a batch that met another replica's is decided again."""

    def __call__(self, alert: Alert, episode: Episode | None, *, now: datetime, paused: str | None) -> Decision: ...


def record(
    connection: sa.Connection, deliveries: Sequence[Delivery], decide: Decide, now: datetime
) -> tuple[list[Receipt], bool]:
    """Write down what becomes of these deliveries; the receipts in their order, and whether anything is due now. Raises
    IntegrityError when another replica has just begun one of the episodes."""
    fingerprints = {alert.fingerprint for delivery in deliveries for alert in delivery.alerts}
    batch = _Batch(current(connection, fingerprints), decide, now, switches.paused(connection))
    receipts = [batch.take(delivery.alerts) for delivery in deliveries]
    heard = batch.write(connection)
    return receipts, heard or any(receipt.created for receipt in receipts)


def current(connection: sa.Connection, fingerprints: Collection[str]) -> dict[str, Episode]:
    """The current episode of each of these alerts that has one."""
    rows = connection.execute(_CURRENT, {"fingerprints": list(fingerprints)})
    return {
        fingerprint: Episode(
            id_, State(state), Code(code) if code else None, moment_or_none(ended), moment_or_none(resolved)
        )
        for fingerprint, id_, state, code, ended, resolved in rows
    }


class _Batch:
    """What the batch has seen and is going to write."""

    def __init__(self, current: dict[str, Episode], decide: Decide, now: datetime, paused: str | None) -> None:
        self.current, self.decide, self.now, self.paused = current, decide, now, paused
        self.new: dict[str, dict[str, Any]] = {}  # id -> row
        self.superseded: list[str] = []
        self.resolved: list[dict[str, Any]] = []

    def take(self, alerts: Sequence[Alert]) -> Receipt:
        created: list[str] = []
        known: list[str] = []
        skipped: list[tuple[str, Reason]] = []
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
            if decision.reason and decision.state.ended:
                skipped.append((alert.fingerprint, decision.reason))
            else:
                created.append(decision.id)
        return Receipt(tuple(created), tuple(dict.fromkeys(known)), tuple(skipped))

    def begin(self, fingerprint: str, old: Episode | None, capture: Capture) -> None:
        if old is not None and old.capture_id in self.new:
            self.new[old.capture_id]["episode"] = None
        elif old is not None:
            self.superseded.append(old.capture_id)
        row = new_row(capture)
        row["episode"] = fingerprint
        self.new[capture.id] = row
        reason = capture.reason.code if capture.reason else None
        self.current[fingerprint] = Episode(capture.id, capture.state, reason, capture.ended_at, None)

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
        """In the order of ids and fingerprints, so that two replicas wait for each other instead of dead-locking. Has
        one that was held back become due?"""
        if self.superseded:
            connection.execute(_SUPERSEDE, [{"old": old} for old in sorted(self.superseded)])
        if self.resolved:
            connection.execute(_RESOLVE, sorted(self.resolved, key=lambda note: str(note["known"])))
        ended = {"resolved": [note["known"] for note in self.resolved], "now": micro(self.now)}
        heard = bool(self.resolved) and connection.execute(_HEAR, ended).rowcount > 0
        if self.new:
            connection.execute(_INSERT, sorted(self.new.values(), key=lambda row: str(row["fingerprint"])))
        return heard

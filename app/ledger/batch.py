"""A batch of alerts: what becomes of each, decided one after the other (admission), and written with a few statements.

Alerts of a batch see the effect of those before them. Called by arrivals.py in its transaction.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from app.errors import Reason
from app.ledger import bulk, labels
from app.ledger.rows import micro, new_row
from app.ledger.schema import captures
from app.model import Alert, Capture, Decision, Episode, Step

_c = captures.c
THERE = sa.select(_c.id).where(_c.id.in_(sa.bindparam("ids", expanding=True)))
_ROUNDS = 5  # in which rows of other replicas keep ours out; the second one finds them, as a rule
# If another replica was quicker, this changes nothing and its row keeps ours out.
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


class Contended(Exception):
    """Other replicas keep beginning and ending the same episodes. Nothing may be committed."""


Find = Callable[[sa.Connection, Collection[str]], dict[str, Episode]]


@dataclass(slots=True)
class _Verdict:
    alert: Alert
    decision: Decision


class Batch:
    """What the batch has read, and what it is going to write. find: reads current episodes; current: those that there
    are of the batch's fingerprints; paused: as Decide takes it."""

    def __init__(
        self, find: Find, current: dict[str, Episode], decide: Decide, now: datetime, paused: str | None
    ) -> None:
        self.find, self.current, self.decide, self.now, self.paused = find, current, decide, now, paused
        self.new: dict[str, dict[str, Any]] = {}  # id -> row
        self.begun: dict[str, _Verdict] = {}  # id -> what made that row
        self.fallen: dict[str, str] = {}  # id of a row that was not written -> the id in its place
        self.superseded: list[str] = []
        self.resolved: list[dict[str, Any]] = []

    def take(self, alerts: Sequence[Alert]) -> list[_Verdict]:
        verdicts: list[_Verdict] = []
        for alert in alerts:
            episode = self.current.get(alert.fingerprint)
            if not alert.firing:
                self.resolve(alert, episode)
                continue
            verdicts.append(_Verdict(alert, self.decided(alert, episode)))
            self.follow(verdicts[-1], episode)
        return verdicts

    def decided(self, alert: Alert, episode: Episode | None) -> Decision:
        return self.decide(alert, episode, now=self.now, paused=self.paused)

    def follow(self, verdict: _Verdict, old: Episode | None) -> None:
        """Notes the row of a new capture. old: the episode that it ends."""
        capture = verdict.decision
        if isinstance(capture, Episode):
            return
        if old is not None and old.capture_id in self.new:
            self.new[old.capture_id]["episode"] = None
        elif old is not None:
            self.superseded.append(old.capture_id)
        fingerprint = verdict.alert.fingerprint
        row = new_row(capture)
        row["episode"] = fingerprint
        self.new[capture.id], self.begun[capture.id] = row, verdict
        reason = capture.reason.code if capture.reason else None
        starts_at = capture.trigger.starts_at
        self.current[fingerprint] = Episode(capture.id, capture.state, reason, capture.ended_at, None, starts_at)

    def resolve(self, alert: Alert, episode: Episode | None) -> None:
        if episode is None or episode.resolved_at is not None:
            return
        at = alert.ends_at or self.now
        self.current[alert.fingerprint] = replace(episode, resolved_at=at)
        self.note_end(episode.capture_id, micro(at))

    def note_end(self, capture_id: str, at: int) -> None:
        if capture_id in self.new:
            self.new[capture_id]["resolved_at"] = at
        else:
            self.resolved.append({"known": capture_id, "at": at})

    def write(self, connection: sa.Connection) -> bool:
        """Writes the batch. Returns whether a capture that was held back has become due. Raises Contended."""
        woken = False
        for _ in range(_ROUNDS):
            woken = self._write_changes(connection) or woken
            if not (lost := self._insert(connection)):
                return woken
            self._fall(connection, lost)
        raise Contended("they begin and end while this is written")

    def _write_changes(self, connection: sa.Connection) -> bool:
        """In the order of ids, so that two replicas do not deadlock. Returns as `write`."""
        superseded, resolved = sorted(self.superseded), sorted(self.resolved, key=lambda note: str(note["known"]))
        self.superseded, self.resolved = [], []
        if superseded:
            connection.execute(_SUPERSEDE, [{"old": old} for old in superseded])
        if not resolved:
            return False
        connection.execute(_RESOLVE, resolved)
        ended = {"resolved": [note["known"] for note in resolved], "now": micro(self.now)}
        return connection.execute(_WAKE_RESOLVED, ended).rowcount > 0

    def _insert(self, connection: sa.Connection) -> list[str]:
        """Writes the new rows that are not written, in the order of fingerprints. Returns the ids of those that another
        replica's rows keep out."""
        rows = sorted(
            (row for id_, row in self.new.items() if id_ in self.begun), key=lambda row: str(row["fingerprint"])
        )
        lost: list[str] = []
        if rows:
            values = [tuple(row.values()) for row in rows]
            if bulk.insert(connection, captures, [*rows[0]], values, unless="episode") < len(rows):
                ids = [row["id"] for row in rows]
                there = set(connection.execute(THERE, {"ids": ids}).scalars())
                lost = [id_ for id_ in ids if id_ not in there]
            written = [verdict.decision for id_, verdict in self.begun.items() if id_ not in lost]
            labels.add(connection, [each for each in written if isinstance(each, Capture)])
        self.begun = {id_: self.begun[id_] for id_ in lost}
        return lost

    def _fall(self, connection: sa.Connection, lost: Sequence[str]) -> None:
        """Decides again about the alerts whose rows were not written, on the rows that are there."""
        rows = {id_: self.new.pop(id_) for id_ in lost}
        self.current.update(self.find(connection, [row["fingerprint"] for row in rows.values()]))
        for id_, row in rows.items():
            verdict = self.begun.pop(id_)
            episode = self.current.get(verdict.alert.fingerprint)
            episode = None if episode and episode.capture_id == id_ else episode  # the other's row has gone again
            verdict.decision = self.decided(verdict.alert, episode)
            self.follow(verdict, episode)
            self.fallen[id_] = capture_id_of(verdict.decision)
            if row["resolved_at"] is not None:
                self.note_end(self.fallen[id_], row["resolved_at"])

    def receipt(self, verdicts: Sequence[_Verdict]) -> Receipt:
        """What became of the alerts of one delivery."""
        created: list[str] = []
        known: list[str] = []
        skipped: list[tuple[str, Reason]] = []
        matched: list[str] = []
        for verdict in verdicts:
            decision = verdict.decision
            if isinstance(decision, Episode):
                known.append(self._written(decision.capture_id))
                continue
            if decision.rule:
                matched.append(decision.rule)
            if decision.reason and decision.state.ended:
                skipped.append((verdict.alert.fingerprint, decision.reason))
            else:
                created.append(decision.id)
        return Receipt(tuple(created), tuple(dict.fromkeys(known)), tuple(skipped), tuple(matched))

    def _written(self, id_: str) -> str:
        while id_ in self.fallen:
            id_ = self.fallen[id_]
        return id_


def capture_id_of(decision: Decision) -> str:
    """The capture that an alert falls on, or begins."""
    return decision.capture_id if isinstance(decision, Episode) else decision.id

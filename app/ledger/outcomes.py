"""What became of the notices of a capture: one row for each capture and notifier, which goes with the capture."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from app.ledger.rows import micro, moment, moment_or_none
from app.ledger.schema import captures, notices, outcomes

LONGEST: Final = 500  # characters of a message
RETRIED: Final = "retried"  # the outcome of an attempt after which another one follows, or time was over

_o, _n = outcomes.c, notices.c
_KEY = (_o.notifier == sa.bindparam("to"), _o.capture == sa.bindparam("about"))
_FORGET = sa.delete(outcomes).where(*_KEY)
_WRITE = sa.insert(outcomes).from_select(
    ["notifier", "capture", "outcome", "at", "message"],
    sa.select(
        *(sa.bindparam(name, type_=sa.Text) for name in ("to", "about", "outcome")),
        sa.bindparam("at", type_=sa.BigInteger),
        sa.bindparam("message", type_=sa.Text),
    ).where(
        sa.exists().where(captures.c.id == sa.bindparam("about"))  # it may have been removed meanwhile
    ),
)
_OF_CAPTURE = sa.select(outcomes).where(_o.capture == sa.bindparam("about"))
_WAITING = sa.select(_n.notifier, _n.created_at, _n.due_at, _n.attempt).where(_n.capture == sa.bindparam("about"))
_REMOVE = sa.delete(outcomes).where(_o.capture == sa.bindparam("about"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. outcome: delivered, retried, failed or dropped; message: why, "" if it succeeded."""

    outcome: str
    at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Whether a notifier was told of a capture. state: waiting, delivered, failed or dropped; at: of the last attempt,
    or since when it waits; message: why the last attempt failed; due_at: of the next attempt, None if there is none."""

    notifier: str
    state: str
    at: datetime
    message: str
    due_at: datetime | None


def write(connection: sa.Connection, notifier: str, capture_id: str, became: Outcome) -> None:
    """Takes the place of an earlier attempt's."""
    key = {"to": notifier, "about": capture_id}
    connection.execute(_FORGET, key)
    message = became.message[:LONGEST]
    connection.execute(_WRITE, {**key, "outcome": became.outcome, "at": micro(became.at), "message": message})


def of_capture(connection: sa.Connection, capture_id: str) -> tuple[Told, ...]:
    """By the notifiers' names."""
    about = {"about": capture_id}
    last = {row.notifier: row for row in connection.execute(_OF_CAPTURE, about)}
    waiting = {row.notifier: row for row in connection.execute(_WAITING, about)}
    found = [
        Told(
            name,
            "waiting",
            moment(last[name].at if name in last else row.created_at),
            last[name].message if name in last else "",
            moment_or_none(row.due_at),
        )
        for name, row in waiting.items()
    ]
    for name in last.keys() - waiting.keys():
        row = last[name]
        state = "failed" if row.outcome == RETRIED else row.outcome
        found.append(Told(name, state, moment(row.at), row.message, None))
    return tuple(sorted(found, key=lambda each: each.notifier))


def remove(connection: sa.Connection, capture_id: str) -> None:
    """Those of a capture that was removed."""
    connection.execute(_REMOVE, {"about": capture_id})

"""The pre-arms: what was taken while an alert was pending. A pre-arm is no capture, and has a table of its own."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.ledger.database import Database
from app.ledger.rows import micro, moment
from app.ledger.schema import prearms
from app.model import Artifact, Kind

_p = prearms.c
_OF_KEY = sa.select(prearms).where(_p.key == sa.bindparam("wanted"))
_COUNT = sa.select(sa.func.count()).select_from(prearms)
_BEFORE = sa.select(prearms).where(_p.seen_at < sa.bindparam("before"))


@dataclass(frozen=True, slots=True)
class PreArm:
    """The evidence of one pending alert. id: UUIDv7, also the folder of its artifacts in the store.

    key: of the alert's labels; created_at, seen_at: when it was first and last seen pending
    process: the process key (ProcessId.key), "" if no process was found; message: a sentence"""

    id: str
    key: str
    created_at: datetime
    seen_at: datetime
    process: str = ""
    artifacts: tuple[Artifact, ...] = ()
    message: str = ""


class PreArms:
    """Their rows. Every method may be called from any thread, and raises LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, key: str) -> PreArm | None:
        """The pre-arm of an alert."""
        with self._database.reading() as connection:
            row = connection.execute(_OF_KEY, {"wanted": key}).one_or_none()
        return None if row is None else _prearm(row._mapping)

    def count(self) -> int:
        """How many there are."""
        with self._database.reading() as connection:
            return int(connection.execute(_COUNT).scalar_one())

    def begin(self, one: PreArm) -> bool:
        """Adds a pre-arm; False if another replica has it already."""
        try:
            with self._database.writing() as connection:
                connection.execute(sa.insert(prearms), _row(one))
        except IntegrityError:
            return False
        return True

    def seen(self, id_: str, now: datetime) -> None:
        """The alert is pending still."""
        with self._database.writing() as connection:
            connection.execute(sa.update(prearms).where(_p.id == id_), {"seen_at": micro(now)})

    def save(self, one: PreArm) -> None:
        """Writes its next value."""
        with self._database.writing() as connection:
            connection.execute(sa.update(prearms).where(_p.id == one.id), _row(one))

    def last_seen_before(self, moment_: datetime) -> tuple[PreArm, ...]:
        """Those that were last seen pending before this time."""
        with self._database.reading() as connection:
            return tuple(_prearm(row._mapping) for row in connection.execute(_BEFORE, {"before": micro(moment_)}))

    def remove(self, id_: str) -> None:
        """Removes the row. The caller removes the files."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(prearms).where(_p.id == id_))


def _row(one: PreArm) -> dict[str, Any]:
    plain = asdict(one) | {"message": one.message.replace("\x00", "\ufffd")}  # PostgreSQL's text cannot hold a NUL
    artifacts = json.dumps([asdict(artifact) for artifact in one.artifacts])
    return plain | {"created_at": micro(one.created_at), "seen_at": micro(one.seen_at), "artifacts": artifacts}


def _prearm(row: Mapping[Any, Any]) -> PreArm:
    times = {name: moment(row[name]) for name in ("created_at", "seen_at")}
    artifacts = tuple(Artifact(**{**said, "kind": Kind(said["kind"])}) for said in json.loads(row["artifacts"]))
    return PreArm(**{**row, **times, "artifacts": artifacts})

"""The baseline of a service: the capture that others of the service are compared with. At most one a service."""

import sqlalchemy as sa

from app.ledger.rows import to_capture
from app.ledger.schema import captures
from app.model import Capture, State

_LOCK = 0x616C6273  # an advisory lock of PostgreSQL: one replica chooses at a time
_c = captures.c
_OF_SERVICE = sa.select(captures).where(_c.baseline == sa.bindparam("of"))
_FITS = sa.select(_c.id).where(
    _c.id == sa.bindparam("key"), _c.service == sa.bindparam("of"), _c.state == State.COMPLETED.value
)
_FREE = sa.update(captures).where(_c.baseline == sa.bindparam("of"), _c.id != sa.bindparam("key")).values(baseline=None)
_SET = sa.update(captures).where(_c.id == sa.bindparam("key")).values(baseline=_c.service)
_UNSET = sa.update(captures).where(_c.id == sa.bindparam("key")).values(baseline=None)


def of_service(connection: sa.Connection, service: str) -> Capture | None:
    row = connection.execute(_OF_SERVICE, {"of": service}).one_or_none()
    return None if row is None else to_capture(row)


def choose(connection: sa.Connection, id_: str, service: str) -> bool:
    """Makes a completed capture the baseline of its service, in the place of another one. False if it is none, or of
    another service."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    if connection.execute(_FITS, {"key": id_, "of": service}).one_or_none() is None:
        return False
    connection.execute(_FREE, {"key": id_, "of": service})
    return connection.execute(_SET, {"key": id_}).rowcount == 1


def unchoose(connection: sa.Connection, id_: str) -> None:
    """The capture is no baseline any more."""
    connection.execute(_UNSET, {"key": id_})

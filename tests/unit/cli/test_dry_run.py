"""What the commands beside the service know of its ledger."""

from pathlib import Path

import sqlalchemy as sa

from app.cli.dry_run import blocked_executables
from app.config.settings import load
from app.ledger.ledger import Ledger
from app.model import Blocked
from app.profilers.harm import id_of
from tests.unit.ledger.builders import NOON, admission

ONE = Blocked(id_of("go:a"), "go:a", "/srv/orders", "h", 7, "c1", NOON, "SIGUSR2", "h: pid 7 (orders) ended")


def test_doctor_knows_what_the_services_ledger_has_blocked(tmp_path: Path) -> None:
    settings = load(None, tmp_path)
    ledger = Ledger(settings.storage.database, decide=admission())
    ledger.migrate()
    ledger.block(ONE)
    ledger.close()
    with blocked_executables(settings) as blocked:
        assert (blocked("go:a"), blocked("go:b"), blocked("")) == (ONE, None, None)


def test_of_a_ledger_that_is_not_there_or_of_an_older_version_nothing_is_known(tmp_path: Path) -> None:
    settings = load(None, tmp_path)
    with blocked_executables(settings) as blocked:
        assert blocked("go:a") is None
    assert list(tmp_path.iterdir()) == [], "nothing was made"
    ledger = Ledger(settings.storage.database, decide=admission())
    ledger.migrate()
    ledger.close()
    engine = sa.create_engine(settings.storage.database)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE blocked"))
    engine.dispose()
    with blocked_executables(settings) as blocked:
        assert blocked("go:a") is None

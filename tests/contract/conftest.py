"""The databases over which a contract is run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.contract.living import Replica
from tests.lab.postgres import NoPostgres, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with postgres() as url:
            yield url
    except NoPostgres as reason:
        pytest.skip(f"the ledger's contract did NOT run over PostgreSQL: {reason}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: str = request.getfixturevalue("server")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS ledger WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE ledger"))
    engine.dispose()
    return server.replace("/postgres?", "/ledger?")


@pytest.fixture
def replica(url: str) -> Iterator[Callable[[], Replica]]:
    made: list[Replica] = []

    def new() -> Replica:
        made.append(Replica(url))
        return made[-1]

    yield new
    for each in made:
        each.ledger.close()

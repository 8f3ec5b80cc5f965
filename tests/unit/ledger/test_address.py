"""Addresses of databases: their secrets are not told, whatever they are made of."""

from pathlib import Path

import pytest
from sqlalchemy.exc import ArgumentError

from app.ledger.address import parsed, shown, with_password_file
from app.ledger.ledger import Ledger, LedgerUnavailable
from tests.unit.ledger.builders import admission

OPENS = "postgresql+psycopg://u"


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        (f"{OPENS}:geheim@db/x", f"{OPENS}:***@db/x"),
        (f"{OPENS}:geheim%40%25@db/x", f"{OPENS}:***@db/x"),
        (f"{OPENS}@db/x?password=geheim&sslpassword=geheim", f"{OPENS}@db/x?password=***&sslpassword=***"),
        (f"{OPENS}@db/x?sslmode=require", f"{OPENS}@db/x?sslmode=require"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
    ],
)
def test_what_is_shown_of_an_address_has_no_password(address: str, seen: str) -> None:
    assert shown(parsed(address)).replace("%2A", "*") == seen


@pytest.mark.parametrize("address", [f"{OPENS}:ge@heim@db/x", f"{OPENS}:ge@he:im@db/x", f"{OPENS}:p@db:heim/x"])
def test_a_password_that_is_not_escaped_is_refused_without_telling_a_part_of_it(address: str) -> None:
    with pytest.raises(ArgumentError, match=r"write @ as %40 and % as %25.*database_password_file") as refused:
        parsed(address)
    assert "heim" not in str(refused.value)
    with pytest.raises(LedgerUnavailable) as unavailable:
        Ledger(address, decide=admission())
    assert "heim" not in str(unavailable.value)


def test_the_file_of_a_password_is_a_part_of_the_address_and_not_shown() -> None:
    address = with_password_file(f"{OPENS}@db/x?sslmode=require", Path("/run/50% of & secrets"))
    assert parsed(address).query == {"sslmode": "require", "password_file": "/run/50% of & secrets"}
    assert shown(parsed(address)) == f"{OPENS}@db/x?sslmode=require"

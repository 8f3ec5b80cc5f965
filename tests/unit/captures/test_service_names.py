"""A process has one service name, however it was asked for."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from app.captures.pipeline import Pipeline
from app.gate.pool import HostPool
from app.ledger.ledger import Ledger
from app.model import Capture, State, Step, Target, Trigger
from app.resolvers.labels import Labels
from app.stores import Directory
from tests.unit.captures.stage import Stage
from tests.unit.ledger.builders import NOON, manual, process, sqlite

EXE = "/srv/orders-api"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return sqlite(tmp_path)


def of_alert(number: int, service: str, host: str = "h", exe: str = EXE) -> Capture:
    """An alert's capture that has ended, of a service that its labels named, or its executable."""
    return manual(
        number,
        trigger=Trigger("alert", {"job": service}, fingerprint=f"f{number}", starts_at=NOON),
        target=Target(host, 7, service=service, exe=exe),
        process=process(7),
        state=State.COMPLETED,
        step=Step.CLEAN,
        due_at=None,
        started_at=NOON,
        ended_at=NOON + timedelta(minutes=1),
    )


def test_the_name_in_an_alert_is_known_for_the_executable_on_that_host(ledger: Ledger) -> None:
    ledger.create(of_alert(1, "offers"))
    assert ledger.service_named("h", "another process", EXE) == "offers"
    assert ledger.service_named("h", "another process", "/srv/other") == ""
    assert ledger.service_named("elsewhere", "another process", EXE) == ""


def test_the_newest_name_counts_and_that_of_the_executable_is_none(ledger: Ledger) -> None:
    for number, service in enumerate(("offers", "shop", "orders-api"), 1):
        ledger.create(of_alert(number, service))
    assert ledger.service_named("h", "x", EXE) == "shop"


def test_a_capture_by_hand_has_the_name_that_alerts_gave_the_process(ledger: Ledger, tmp_path: Path) -> None:
    stage = Stage()
    pipeline = Pipeline(
        pool=cast(HostPool, stage),
        store=Directory(tmp_path / "artifacts"),
        ledger=ledger,
        rules=lambda: [],
        resolvers=(Labels(),),
        check=lambda files: {},
    )

    def named(number: int, **labels: str) -> str:
        asked = manual(
            number, trigger=Trigger("manual", {"host": "h", "pid": "100", **labels}, by="ops"), rule="manual"
        )
        target = pipeline.advance(asked, NOON).target
        assert target is not None
        return target.service

    exe = stage.look(100).exe
    assert named(1) == Path(exe).name
    ledger.create(of_alert(2, "offers", exe=exe))
    assert named(3) == "offers"
    assert named(4, service="shop") == "shop"

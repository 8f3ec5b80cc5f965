"""Calm captures on a schedule: when one is taken, of which process, and whether it becomes the baseline."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from app.captures.pipeline import Pipeline
from app.captures.schedule import SETTLED, Schedule, unrest
from app.captures.worker import Worker
from app.errors import Code
from app.finding import Finding
from app.gate.pool import HostPool
from app.intake.re2 import compiled
from app.intake.rules import Rule
from app.ledger.ledger import Bounds, Filter, Ledger
from app.model import Capture, State
from app.resolvers.labels import Labels
from app.stores import Directory
from tests.unit.captures.stage import SPECS, Stage
from tests.unit.captures.test_begun_before import not_empty, work_to_the_end
from tests.unit.ledger.builders import NOON, admission, completed, firing, ids, manual, resolved

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
RULE = Rule(
    "orders", spec=SPECS["timed"], profiler="go-zero", duration=timedelta(seconds=20), cooldown=30 * MINUTE,
    baseline_every=DAY, take="all",
)  # fmt: skip
ORDERS = {"host": "h", "pid": "200", "service": "orders"}


class Service:
    """A replica whose host is in memory, with a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.now, self.rule = NOON, RULE
        self.ledger = Ledger(
            f"sqlite:///{folder}/ledger.db", decide=admission([RULE], ids()), clock=self.clock, bounds=Bounds()
        )
        self.ledger.migrate()
        self.stage = Stage()
        pipeline = Pipeline(
            pool=cast(HostPool, self.stage), store=Directory(folder / "artifacts"), ledger=self.ledger,
            rules=lambda: [self.rule], resolvers=(Labels(),), check=not_empty, clock=self.clock,
        )  # fmt: skip
        self.worker = Worker(self.ledger, pipeline, self.clock, threads=0)
        self.schedule = Schedule(self.ledger, lambda: [self.rule])

    def clock(self) -> datetime:
        return self.now

    def __call__(self) -> datetime:
        return self.now

    def alert(self, fingerprint: str = "a1", **labels: str) -> None:
        """An alert that fires, and is captured to the end."""
        self.ledger.receive([firing(fingerprint, starts_at=self.now, **labels or ORDERS)]).result()
        work_to_the_end(self.worker, self.ledger, self)  # type: ignore[arg-type]

    def ends(self, fingerprint: str = "a1") -> None:
        self.ledger.receive([resolved(fingerprint, ends_at=self.now)]).result()

    def later(self, length: timedelta) -> list[Capture]:
        """The schedule's captures once it has run, so much later; they are taken to their end."""
        self.now += length
        self.schedule.run(self.now)
        work_to_the_end(self.worker, self.ledger, self)  # type: ignore[arg-type]
        return self.taken()

    def taken(self) -> list[Capture]:
        rows = self.ledger.find(Filter(limit=500)).captures
        return [row for row in reversed(rows) if row.trigger.kind == "manual"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.alert()
    made.ends()
    yield made
    made.ledger.close()


def test_a_calm_capture_of_the_last_alerts_process_becomes_the_baseline_and_is_replaced_after_its_time(
    service: Service,
) -> None:
    (calm,) = service.later(31 * MINUTE)
    assert (calm.state, calm.rule, calm.profiler) == (State.COMPLETED, "orders", "go-zero-timed")
    assert calm.target and (calm.target.pid, calm.target.service) == (200, "orders")
    assert (calm.trigger.by, calm.trigger.alertname) == ("the schedule of the rule «orders»", "")
    assert service.ledger.baseline("orders") is None, "an alert may still come"
    assert len(service.later(SETTLED)) == 1
    chosen = service.ledger.baseline("orders")
    assert chosen and chosen.id == calm.id
    assert len(service.later(DAY - 10 * MINUTE)) == 1, "its time has not come"
    (_, second) = service.later(10 * MINUTE)
    service.later(SETTLED)
    chosen = service.ledger.baseline("orders")
    assert chosen and chosen.id == second.id


def test_none_is_taken_while_an_alert_fires_or_has_just_ended(service: Service) -> None:
    service.alert("a2", host="h", pid="200", service="orders", severity="critical")
    assert service.later(2 * DAY) == []
    service.ends("a2")
    assert service.later(29 * MINUTE) == []
    assert len(service.later(2 * MINUTE)) == 1


def test_an_alert_of_the_service_that_no_process_was_found_for_counts_too(service: Service) -> None:
    service.alert("a3", service="orders")  # names no host
    assert service.later(2 * DAY) == []
    service.ends("a3")
    service.alert("a4", host="h", pid="300", service="payments")  # another service
    assert [each.target and each.target.service for each in service.later(DAY)] == ["orders"]


def test_none_is_taken_while_captures_are_paused_or_there_is_no_room_and_no_row_says_so(service: Service) -> None:
    service.ledger.pause(service.now, "ops")
    assert service.later(DAY) == []
    service.ledger.resume()
    service.ledger.bounds = Bounds(at_once=0)
    assert service.later(DAY) == []
    service.ledger.bounds = Bounds()
    assert len(service.later(MINUTE)) == 1


def test_an_alert_meanwhile_or_a_fault_leaves_the_baseline_as_it_is(service: Service) -> None:
    service.later(31 * MINUTE)
    service.now += 2 * MINUTE
    service.alert("a2", host="h", pid="200", service="orders", severity="critical")
    service.later(SETTLED)
    assert service.ledger.baseline("orders") is None
    broken = replace(completed(manual(1)), findings=(Finding("critical", "a deadlock", "", code="deadlock"),))
    assert list(unrest(broken, ())) == ["it shows a fault"]
    assert list(unrest(replace(broken, findings=()), ())) == []


def test_a_capture_that_fails_is_not_tried_again_before_its_time(service: Service) -> None:
    service.rule = replace(RULE, only_exe=compiled("^/opt/"))
    (failed,) = service.later(31 * MINUTE)
    assert (failed.state, failed.reason and failed.reason.code) == (State.FAILED, Code.NOT_PERMITTED)
    assert service.stage.started.count(failed.token) == 0, "what the rule does not allow is never signalled"
    for _ in range(20):
        assert len(service.later(60 * MINUTE)) == 1
    assert len(service.later(4 * 60 * MINUTE)) == 2
    assert service.ledger.baseline("orders") is None


def test_a_baseline_that_a_person_chose_is_left_alone_for_as_long(service: Service) -> None:
    (captured,) = service.ledger.of_fingerprint("a1")
    assert service.ledger.choose_baseline(captured)
    assert service.later(23 * 60 * MINUTE) == []
    assert len(service.later(61 * MINUTE)) == 1


def test_many_services_take_turns_so_that_alerts_are_left_half_of_the_limits(service: Service) -> None:
    for number in range(7):
        service.alert(f"b{number}", host="h", pid=str(201 + number), service=f"other-{number}")
        service.ends(f"b{number}")
    service.ledger.bounds = Bounds(per_hour=8, at_once=64)
    assert [len(service.later(length)) for length in (61 * MINUTE, 5 * MINUTE, 5 * MINUTE)] == [4, 4, 4]
    assert len(service.later(61 * MINUTE)) == 8
    assert len({each.target and each.target.service for each in service.taken()}) == 8

    service.ledger.bounds = Bounds(at_once=6)
    service.now += DAY
    service.schedule.run(service.now)
    assert len([each for each in service.taken() if not each.state.ended]) == 3


def test_a_clock_that_was_a_year_ahead_costs_no_year_of_baselines(service: Service) -> None:
    assert len(service.later(365 * DAY)) == 1
    service.now -= 364 * DAY
    service.ledger.bounds = Bounds(per_hour=2)
    assert len(service.later(MINUTE)) == 2, "neither cooldown nor budget know the capture of the future"
    service.now += 31 * MINUTE
    service.alert("a9", severity="critical", **ORDERS)
    (captured,) = service.ledger.of_fingerprint("a9")
    assert captured.state is State.COMPLETED


def test_a_rule_without_a_schedule_takes_none(service: Service) -> None:
    service.rule = replace(RULE, baseline_every=None)
    assert service.later(9 * DAY) == []

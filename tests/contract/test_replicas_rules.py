"""A change of rules is rolled out over two replicas: what a rule took is worked on by that rule, nothing is lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from app.captures.pipeline import Pipeline
from app.errors import Code
from app.gate.pool import HostPool
from app.intake.rules import Rule, parse_matchers
from app.ledger.ledger import Ledger
from app.model import Capture, State, Step
from app.resolvers.labels import Labels
from app.stores import Directory
from tests.unit.captures.stage import SPECS, Stage
from tests.unit.captures.test_begun_before import not_empty
from tests.unit.ledger.builders import LEASE, NOON, admission, firing, ids

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
ORDERS = parse_matchers('service="orders"')
OLD = Rule("orders", ORDERS, spec=SPECS["timed"], profiler="go-zero", digest="old", duration=timedelta(seconds=20))
NEW = replace(OLD, digest="new", duration=timedelta(seconds=10))
AGO = timedelta(minutes=2)


class Replica:
    """A service whose host is in memory. It claims what is due when it is told to."""

    def __init__(self, url: str, folder: Path, stage: Stage, new_id: Callable[[], str]) -> None:
        self.rules: tuple[Rule, ...] = ()
        self.new_id = new_id
        self.ledger = Ledger(url, decide=admission((), new_id), clock=lambda: NOON)
        self.ledger.migrate()
        self.pipeline = Pipeline(
            pool=cast(HostPool, stage), store=Directory(folder), ledger=self.ledger, rules=lambda: self.rules,
            resolvers=(Labels(),), check=not_empty, clock=lambda: NOON,
        )  # fmt: skip

    def follow(self, *rules: Rule, now: datetime = NOON) -> None:
        self.rules, self.ledger.decide = rules, admission(rules, self.new_id)
        self.ledger.known_rules.say({rule.digest for rule in rules}, now)

    def takes(self, pid: int = 200) -> str:
        (id_,) = self.ledger.receive([firing(pid=str(pid), host="h", service="orders")]).result(60).created
        return id_

    def works(self, now: datetime = NOON) -> Capture:
        """The capture after one step here."""
        claim = self.ledger.claim(now, "it", LEASE)
        assert claim is not None
        self.ledger.release(claim, self.pipeline.advance(claim.capture, now))
        after = self.ledger.get(claim.capture.id)
        assert after is not None
        return after


@pytest.fixture
def replicas(url: str, tmp_path: Path) -> Iterator[tuple[Replica, Replica]]:
    stage, new_id = Stage(), ids()
    both = [Replica(url, tmp_path / name, stage, new_id) for name in ("first", "second")]
    yield both[0], both[1]
    for one in both:
        one.ledger.close()


def test_an_alert_of_a_new_rule_is_left_to_the_replica_that_has_it(replicas: tuple[Replica, Replica]) -> None:
    new, old = replicas
    old.follow()
    new.follow(NEW)
    new.takes()
    left = old.works()
    assert (left.state, left.step, left.reason) == (State.PENDING, Step.RESOLVE, None)
    assert "another replica has the rule «orders»" in left.timeline[-1].message
    assert left.due_at is not None
    again = old.works(left.due_at)
    assert again.timeline == left.timeline, "it is said once"
    assert again.due_at is not None
    begun = new.works(again.due_at)
    assert (begun.step, begun.profiler) == (Step.START, "go-zero-timed")


@pytest.mark.parametrize(("takes", "works"), [(OLD, NEW), (NEW, OLD)])
def test_a_rule_that_changed_is_worked_on_as_it_was_when_the_alert_came(
    replicas: tuple[Replica, Replica], takes: Rule, works: Rule
) -> None:
    one, other = replicas
    one.follow(takes)
    other.follow(works)
    one.takes()
    assert other.works().step is Step.RESOLVE
    assert one.works(NOON + timedelta(seconds=1)).step is Step.START


def test_a_rule_that_no_replica_has_any_more_stops_its_captures(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    one.follow(OLD)
    other.follow()
    one.takes()
    one.follow()
    ended = other.works()
    assert (ended.state, ended.reason and ended.reason.code) == (State.SKIPPED, Code.NO_RULE)


def test_what_a_dead_replica_took_waits_a_minute_for_its_restart_and_then_goes_by_the_rule_of_that_name(
    replicas: tuple[Replica, Replica],
) -> None:
    dead, alive = replicas
    dead.follow(NEW)
    alive.follow(OLD)
    dead.takes()
    assert alive.works().step is Step.RESOLVE
    assert alive.works(NOON + AGO).step is Step.START


def test_a_replica_that_has_the_rule_and_does_nothing_is_waited_for_for_five_minutes(
    replicas: tuple[Replica, Replica],
) -> None:
    idle, other = replicas
    other.follow(OLD)
    idle.follow(NEW)
    idle.takes()
    for minutes in range(6):
        now = NOON + timedelta(minutes=minutes)
        idle.follow(NEW, now=now)
        assert other.works(now).step is Step.RESOLVE
    now = NOON + timedelta(minutes=5, seconds=1)
    assert other.works(now).step is Step.START


@pytest.mark.parametrize(("kind", "pid", "goes_on"), [("command", 400, False), ("timed", 200, True)])
def test_what_was_begun_is_gone_on_with_where_the_gate_knows_its_profiler(
    replicas: tuple[Replica, Replica], kind: str, pid: int, goes_on: bool
) -> None:
    new, old = replicas
    old.follow()
    new.follow(replace(NEW, spec=SPECS[kind]))
    new.takes(pid)
    assert new.works().step is Step.START
    assert (old.works().step is Step.WAIT) is goes_on

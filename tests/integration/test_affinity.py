"""Three replicas on one PostgreSQL and a real host: how many of them log in there."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from app.captures.pipeline import Pipeline
from app.captures.worker import Worker
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.ledger import affinity
from app.ledger.ledger import Ledger
from app.model import Capture, State, Step
from tests.lab.postgres import NoPostgres, postgres
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.unit.ledger.builders import admission, manual

WITHIN = 60.0
STEPS = [Step.RESOLVE, Step.START, Step.WAIT, Step.COLLECT, Step.CLEAN]


class Replica:
    """The ledger, the worker and the connections of one. Each step asks the host something; `stuck`: the capture with
    which it does not get on until `free` is set."""

    def __init__(self, database: str, sshd: Sshd, ends: ExitStack) -> None:
        self.ledger = Ledger(database, decide=admission())
        self.ledger.migrate()
        self.pool = HostPool(Connector(sshd.settings()))
        self.stuck, self.free, self.steps = "", threading.Event(), list[str]()
        self.worker = Worker(self.ledger, cast(Pipeline, self), self.ledger.clock.now, threads=4)
        self.ledger.on_due = self.worker.wake
        self.worker.start()
        for end in (self.ledger.close, self.pool.close, lambda: self.worker.stop(30)):
            ends.callback(end)
        eventually(lambda: self.ledger.presence.owner, "it is known to live", WITHIN)

    def advance(self, capture: Capture, now: object, enter: object) -> Capture:
        """In the place of the pipeline: the next step, a moment later."""
        self.steps.append(capture.id)
        assert capture.id != self.stuck or self.free.wait(2 * WITHIN)
        self.pool.gate(capture.lane).process(1)
        at = self.ledger.clock.now()
        if capture.step is Step.CLEAN:
            return capture.ended(State.COMPLETED, at)
        return capture.to(STEPS[STEPS.index(capture.step) + 1], due=at + timedelta(milliseconds=50))

    def takes(self, number: int) -> Capture:
        """A capture about the host, of which this one is told."""
        now = self.ledger.clock.now()
        self.ledger.create(new := manual(number, created_at=now, due_at=now, lane="127.0.0.1"))
        return new

    def ended(self, capture: Capture) -> bool:
        found = self.ledger.get(capture.id)
        return found is not None and found.state is State.COMPLETED


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as made:
        yield made


@pytest.fixture
def replicas(sshd: Sshd) -> Iterator[list[Replica]]:
    with ExitStack() as ends:
        try:
            database = ends.enter_context(postgres())
        except NoPostgres as reason:
            pytest.skip(f"the affinity of hosts to replicas is NOT tested: {reason}")
        yield [Replica(database, sshd, ends) for _ in range(3)]


def logins(sshd: Sshd) -> int:
    return sshd.log().count("Accepted publickey")


def done(replicas: list[Replica], first: int, count: int) -> None:
    """So many captures, each told to the next replica, come to their end."""
    told = [replicas[n % len(replicas)].takes(first + n) for n in range(count)]
    eventually(lambda: all(replicas[0].ended(each) for each in told), "all of them end", WITHIN)


def test_captures_of_one_host_that_come_to_three_replicas_are_worked_on_over_one_login(
    replicas: list[Replica], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affinity, "GRACE", timedelta(hours=1))  # however slow this machine is
    done(replicas, 1, 1)
    done(replicas, 2, 6)
    assert logins(sshd) == 1
    assert [bool(each.steps) for each in replicas].count(True) == 1


def test_what_is_left_to_a_replica_that_does_not_go_on_the_others_take(
    replicas: list[Replica], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affinity, "GRACE", timedelta(hours=1))
    done(replicas, 1, 1)
    (owner,) = [each for each in replicas if each.steps]
    others = [each for each in replicas if each is not owner]
    owner.stuck = manual(2).id
    stuck = owner.takes(2)
    eventually(lambda: stuck.id in owner.steps, "it is at the host", WITHIN)
    monkeypatch.setattr(affinity, "GRACE", timedelta(milliseconds=200))
    done(others, 3, 4)
    assert not owner.ended(stuck)
    owner.free.set()
    eventually(lambda: owner.ended(stuck), "it goes on", WITHIN)
    assert logins(sshd) <= len(replicas)

"""Several alerts about one process share one look at it. Over the real pipeline, worker and ledger."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.captures.seen import LASTS
from app.errors import Code
from app.model import State
from tests.unit.captures.story_host import OpenPool, Verbs
from tests.unit.captures.test_holding import DOWN, ended
from tests.unit.captures.test_story_machine import Replicas, row
from tests.unit.ledger.builders import firing

SECOND = timedelta(seconds=1)


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    yield made
    made.close()


def deliver(replicas: Replicas, fingerprint: str, **labels: str) -> str:
    said = firing(fingerprint, starts_at=replicas.now, **{"host": "h", "pid": "7", "service": "s7", **labels})
    (new,) = replicas.ledger.receive([said]).result(60).created
    return new


def test_more_alerts_about_a_process_that_was_just_found_do_not_ask_its_host_again(replicas: Replicas) -> None:
    first = deliver(replicas, "a1", severity="page")
    replicas.work("one", 0)
    replicas.host.shut = DOWN
    second = deliver(replicas, "a2", severity="ticket", mountpoint="/")
    replicas.work("one", 0)
    assert ended(replicas, second) == (State.SKIPPED, Code.DUPLICATE)
    told = row(replicas, second)
    assert told.reason and first in told.reason.message
    assert told.target and (told.target.host, told.target.pid, told.target.service) == ("h", 7, "s7")


def test_a_process_counts_as_just_found_however_long_the_way_to_its_host_has_taken(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(pool: OpenPool, host: str, pid: int = 0) -> Verbs:
        replicas.pass_time((LASTS + SECOND).total_seconds() if pid else 0)
        return gate(pool, host, pid)

    gate = OpenPool.gate
    monkeypatch.setattr(OpenPool, "gate", slow)
    deliver(replicas, "a1")
    replicas.work("one", 0)
    replicas.host.shut = DOWN
    second = deliver(replicas, "a2")
    replicas.work("one", 0)
    assert ended(replicas, second) == (State.SKIPPED, Code.DUPLICATE)


@pytest.mark.parametrize(("later", "pid"), [(LASTS + SECOND, "7"), (0 * SECOND, "8")])
def test_an_alert_about_another_process_or_some_seconds_later_has_its_host_asked(
    replicas: Replicas, later: timedelta, pid: str
) -> None:
    deliver(replicas, "a1")
    replicas.work("one", 0)
    replicas.pass_time(later.total_seconds())
    replicas.host.shut = DOWN
    second = deliver(replicas, "a2", pid=pid)
    replicas.work("one", 0)
    assert ended(replicas, second) == (State.PENDING, Code.HOST_UNREACHABLE)


def test_an_alert_about_a_process_on_which_nothing_is_active_any_more_is_no_duplicate(replicas: Replicas) -> None:
    first = deliver(replicas, "a1")
    replicas.work("one", 0)
    assert replicas.ledger.request_stop(first, replicas.now)
    replicas.work("one", 3)
    assert row(replicas, first).state.ended
    second = deliver(replicas, "a2")
    replicas.work("one", 0)
    assert ended(replicas, second) == (State.PENDING, Code.COOLDOWN)

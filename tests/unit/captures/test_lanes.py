"""One host, one thread; and no kind of host takes all threads."""

from dataclasses import replace

import pytest

from app.captures.lanes import SLOW, SLOW_TO_FAIL, HostBusy, Lanes, Visit, lane_of
from app.intake.relabel import Relabel
from app.intake.rules import Rule
from app.model import Capture, Step, Target
from tests.unit.ledger.builders import manual


def about(host: str, step: Step = Step.RESOLVE) -> Capture:
    return manual(1, lane=host, step=step)


def visited(lanes: Lanes, host: str, seconds: float, *, failed: bool = False) -> None:
    visit = lanes.visit(about(host))
    visit.failed = failed
    visit.leave(seconds)


def begun(lanes: Lanes, *hosts: str, step: Step = Step.RESOLVE) -> list[Visit]:
    return [lanes.visit(about(host, step)) for host in hosts]


def test_a_host_is_visited_by_one_thread_at_a_time_however_its_name_is_spelled() -> None:
    lanes = Lanes(8)
    visit = lanes.visit(about("2001:db8::1"))
    assert lanes.closed(()).asking == ("2001:db8::1",)
    with pytest.raises(HostBusy):
        lanes.visit(about("")).enter("[2001:DB8:0::1]")
    with pytest.raises(HostBusy):
        lanes.visit(replace(about(""), target=Target("2001:db8::1")))
    visit.enter("2001:db8::1")  # it may be there several times
    visit.leave(0.1)
    lanes.visit(about("2001:db8::1"))


def test_files_come_home_from_a_host_that_is_asked_meanwhile_and_leave_threads_for_recordings() -> None:
    lanes = Lanes(8)
    begun(lanes, "a", "b")
    files = begun(lanes, "a", "c", "d", step=Step.COLLECT)
    closed = lanes.closed(())
    assert (set(closed.asking), set(closed.files), closed.no_files) == ({"a", "b"}, {"a", "c", "d"}, True)
    files[0].leave(0.1)
    assert not lanes.closed(()).no_files


@pytest.mark.parametrize(("seconds", "failed"), [(SLOW + 0.1, False), (SLOW_TO_FAIL + 0.1, True)])
def test_hosts_that_were_slow_get_a_quarter_of_the_threads(seconds: float, failed: bool) -> None:
    lanes = Lanes(8)
    for host in ("a", "b", "c", "d"):
        visited(lanes, host, seconds, failed=failed)
    first, _ = begun(lanes, "a", "b")
    assert set(lanes.closed(()).asking) == {"a", "b", "c", "d"}
    first.leave(0.1)
    assert lanes.closed(()).asking == ("b",), "a was quick this time, and c may have its turn"


def test_hosts_that_refuse_at_once_are_not_slow() -> None:
    lanes = Lanes(8)
    for host in ("a", "b", "c"):
        visited(lanes, host, 0.1, failed=True)
    begun(lanes, "a", "b")
    assert "c" not in lanes.closed(()).asking


def test_hosts_that_nobody_knows_yet_leave_a_quarter_of_the_threads_to_those_that_were_quick() -> None:
    lanes = Lanes(8)
    visited(lanes, "quick", 0.1)
    *_, last = begun(lanes, *(f"new-{number}" for number in range(6)))
    assert lanes.closed(()).only == ("quick",)
    last.leave(0.1)
    assert lanes.closed(()).only is None


@pytest.mark.parametrize(
    ("labels", "host"),
    [
        ({"instance": "10.0.0.5:6060", "pid": "7"}, "10.0.0.5"),
        ({"instance": "orders"}, "db-1"),
        ({"job": "orders"}, ""),
        ({"host": "no host; at all"}, ""),
    ],
)
def test_the_lane_is_the_host_that_the_relabelled_labels_name(labels: dict[str, str], host: str) -> None:
    rule = Rule("r", (), relabel=(Relabel(source_labels=("instance",), regex="orders", target_label="instance",
                                          replacement="DB-1:80"),))  # fmt: skip
    assert lane_of(labels, rule) == host

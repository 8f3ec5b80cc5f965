"""How many logins are under way at a time."""

import heapq
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from app.hosts.pace import FIRST, MOST, MOST_PATIENCE, Limit, Pace
from tests.lab.process import eventually


def after(logins: int, takes: Callable[[int], float], limit: Limit | None = None) -> Limit:
    """The limit after so many logins, as many at a time as it says. takes: the seconds of one among so many."""
    limit, now, under_way = limit or Limit(), 0.0, list[tuple[float, float]]()
    for _ in range(logins):
        while len(under_way) >= limit.number:
            now, began = heapq.heappop(under_way)
            limit.note(now - began)
        heapq.heappush(under_way, (now + takes(len(under_way) + 1), now))
    return limit


def shared(processors: int, work: float, wait: float) -> Callable[[int], float]:
    """Logins that share processors, and wait for their hosts besides."""
    return lambda at_once: work * max(1.0, at_once / processors) + wait


def test_where_logins_only_wait_for_their_hosts_more_and_more_run_at_a_time() -> None:
    assert after(5000, shared(1000, 0.01, 0.5)).number == MOST


@pytest.mark.parametrize(("processors", "work", "wait"), [(2, 0.3, 0.0), (2, 1.0, 0.1), (1, 0.03, 0.5), (8, 0.1, 0.0)])
def test_it_stays_where_the_processors_are_busy_and_no_login_takes_much_longer(
    processors: int, work: float, wait: float
) -> None:
    takes = shared(processors, work, wait)
    number = after(2000, takes).number
    assert number >= processors * 0.75
    assert takes(number) < 5 * takes(1)


def test_it_follows_a_machine_that_becomes_slower_and_recovers() -> None:
    quick, slow = shared(8, 0.1, 0.2), shared(1, 0.4, 0.2)
    limit = after(2000, quick)
    before = limit.number
    after(200, slow, limit)
    assert limit.number < before / 2
    after(2000, quick, limit)
    assert limit.number > before / 2


def test_a_fifth_of_slow_hosts_does_not_change_it() -> None:
    limit = Limit()
    for n in range(600):
        limit.note(6.0 if n % 5 == 0 else 0.2)
    assert limit.number > FIRST


def begin(pace: Pace, begun: list[int], number: int, ends: threading.Event) -> threading.Thread:
    def login() -> None:
        with pace.turn():
            begun.append(number)
            ends.wait(60)

    thread = threading.Thread(target=login, daemon=True)
    thread.start()
    return thread


def test_turns_are_taken_in_the_order_of_asking_and_never_more_than_the_limit() -> None:
    limit, begun, ends = Limit(), list[int](), [threading.Event() for _ in range(6)]
    limit.number = 2
    pace = Pace(limit, clock=lambda: 0.0)
    threads = list[threading.Thread]()
    for number, end in enumerate(ends):
        threads.append(begin(pace, begun, number, end))
        eventually(lambda: len(pace._waiting) + len(pace._begun) == len(threads), "it has asked")
    assert begun == [0, 1]
    for number, end in enumerate(ends):
        end.set()
        threads[number].join(60)
        eventually(lambda: len(begun) == min(6, number + 3), "the next one begins")  # noqa: B023
    assert begun == [0, 1, 2, 3, 4, 5]


def test_a_host_that_keeps_us_waiting_holds_up_no_other_and_a_fault_frees_its_place() -> None:
    limit, now, begun, never = Limit(), [0.0], list[int](), threading.Event()
    limit.number = 1
    pace = Pace(limit, clock=lambda: now[0])
    with pytest.raises(RuntimeError), pace.turn():
        raise RuntimeError
    first = begin(pace, begun, 1, never)
    eventually(lambda: begun == [1], "it has its turn")
    now[0] = limit.patience + 1
    second = begin(pace, begun, 2, never)
    eventually(lambda: begun == [1, 2], "the other one does not wait for the first")
    never.set()
    first.join(60)
    second.join(60)


def test_it_is_crowded_while_a_login_is_under_way_that_its_host_does_not_hold_up() -> None:
    limit, now, begun, ends = Limit(), [0.0], list[int](), threading.Event()
    limit.number = 1
    pace = Pace(limit, clock=lambda: now[0])
    assert not pace.crowded
    first = begin(pace, begun, 1, ends)
    eventually(lambda: begun == [1], "it has its turn")
    assert pace.crowded
    now[0] = MOST_PATIENCE + 1
    assert not pace.crowded, "the host keeps us waiting"
    second = begin(pace, begun, 2, ends)
    eventually(lambda: begun == [1, 2], "it does not wait for the first")
    third = begin(pace, begun, 3, ends)
    eventually(lambda: pace.logins == (2, 1), "it waits for the second")
    assert pace.crowded
    ends.set()
    third.join(20)
    first.join(20)
    second.join(20)
    assert not pace.crowded


def test_after_a_thousand_logins_that_failed_no_place_is_lost_and_one_at_a_time_always_goes_on() -> None:
    limit = Limit()
    pace = Pace(limit, clock=lambda: 0.0)

    def fail() -> None:
        for number in range(125):
            with suppress(OSError, SystemExit), pace.turn():
                raise OSError if number % 2 else SystemExit

    threads = [threading.Thread(target=fail) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (pace._begun, list(pace._waiting), limit.number) == ({}, [], FIRST)
    for seconds in (0.01, *[9.0] * 1000, *[90.0] * 1000):
        limit.note(seconds)
        assert limit.number >= 1
    begun, ends = list[int](), threading.Event()
    last = begin(pace, begun, 1, ends)
    eventually(lambda: begun == [1], "it has its turn")
    ends.set()
    last.join(60)

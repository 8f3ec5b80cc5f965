"""The service as a process: its signals."""

import signal
import threading
from collections.abc import Iterator

import pytest

from app.serving import IGNORED, Signals
from tests.lab.process import eventually


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, *IGNORED)}
    yield Signals()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_storm_of_sighups_is_two_reloads_and_one_that_comes_before_the_service_has_started_is_not_lost(
    signals: Signals,
) -> None:
    begun, go, before = list[int](), threading.Event(), set(threading.enumerate())

    def reload() -> None:
        begun.append(1)
        go.wait(60)

    signal.raise_signal(signal.SIGHUP)
    signals.follow(reload)
    eventually(lambda: begun, "the one that came early")
    for _ in range(1000):
        signal.raise_signal(signal.SIGHUP)
    assert len(set(threading.enumerate()) - before) == 1
    go.set()
    eventually(lambda: len(begun) == 2, "all others together")
    signal.raise_signal(signal.SIGHUP)
    eventually(lambda: len(begun) == 3, "it still listens")

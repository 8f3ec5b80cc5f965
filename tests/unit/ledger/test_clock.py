"""The time by which replicas work."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import app
from app.ledger.clock import Clock, in_words
from tests.unit.ledger.builders import NOON

MINUTE = timedelta(minutes=1)


class Machine:
    """A machine whose clocks a test sets."""

    def __init__(self) -> None:
        self.wall, self.up = NOON, 100.0
        self.clock = Clock(lambda: self.wall, lambda: self.up)

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.up += seconds

    def asks(self, at: datetime, seconds: float = 0.0) -> None:
        """The server says that it is `at`; the answer is there after `seconds`."""
        with self.clock.asking() as answered:
            self.passes(seconds)
            answered(at)


def test_without_a_server_the_machines_clock_counts() -> None:
    machine = Machine()
    machine.passes(5)
    assert machine.clock.now() == NOON + timedelta(seconds=5)
    assert machine.clock.ahead() == timedelta(0)


def test_the_servers_time_goes_on_between_its_answers_however_the_machines_clock_is_set() -> None:
    machine = Machine()
    machine.asks(NOON - MINUTE)
    machine.wall += timedelta(hours=3)
    machine.passes(2.5)
    assert machine.clock.now() == NOON - MINUTE + timedelta(seconds=2.5)
    assert machine.clock.ahead() == timedelta(hours=3) + MINUTE


def test_each_answer_counts_anew_as_of_the_middle_between_question_and_answer() -> None:
    machine = Machine()
    machine.asks(NOON - MINUTE)
    machine.asks(NOON + MINUTE, seconds=0.5)
    assert machine.clock.now() == NOON + MINUTE + timedelta(seconds=0.25)


def test_an_answer_that_was_long_under_way_is_left_out() -> None:
    """As after a SIGSTOP between question and answer."""
    machine = Machine()
    machine.asks(NOON)
    machine.asks(NOON + timedelta(seconds=1), seconds=60)
    assert machine.clock.now() == NOON + MINUTE


def test_times_are_utc_whatever_zone_the_server_answers_in() -> None:
    machine = Machine()
    machine.asks(NOON.astimezone(timezone(timedelta(hours=8))))
    assert machine.clock.now().tzinfo is UTC


def test_a_clock_that_is_off_is_told_in_a_sentence() -> None:
    assert in_words(timedelta(seconds=1.9)) is None
    assert in_words(timedelta(seconds=-1.9)) is None
    said = "this machine's clock is 60.0 s {} the database's, which is the one that counts"
    assert in_words(MINUTE) == said.format("ahead of")
    assert in_words(-MINUTE) == said.format("behind")


def test_no_other_part_of_the_service_reads_the_machines_clock() -> None:
    """The command line may, and so may the audit log, whose lines are compared with the machine's other logs."""
    root = Path(app.__file__).parent
    readers = {str(path.relative_to(root)) for path in root.rglob("*.py") if "datetime.now(" in path.read_text()}
    assert {reader for reader in readers if not reader.startswith("cli/")} == {"audit.py", "ledger/clock.py"}

"""What is read seldom, because reading takes long."""

import pytest

from app.web.seldom import REST, Seldom


class Ledger:
    """Each reading takes `seconds` and has another result."""

    def __init__(self) -> None:
        self.now, self.seconds, self.read = 0.0, 1.0, 0

    def __call__(self) -> int:
        self.now += self.seconds
        self.read += 1
        if self.read == 3:
            raise OSError("the disk fails")
        return self.read


def test_a_result_is_kept_for_ten_times_as_long_as_it_took_and_a_fault_is_not_kept() -> None:
    ledger = Ledger()
    values = Seldom(ledger, lambda: ledger.now)
    assert (values(), values()) == (1, 1)
    ledger.now += REST - 0.5
    assert values() == 1
    ledger.now, ledger.seconds = ledger.now + 0.5, 0.0
    assert values() == 2, "the time is over"
    with pytest.raises(OSError, match="the disk fails"):
        values()  # what took no time is not kept
    assert values() == 4

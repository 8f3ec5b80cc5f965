from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1w", 604800),
        ("1y", 31536000),
        ("1500ms", 1.5),
        ("0", 0),
    ],
)
def test_prometheus_durations_are_read(text: str, seconds: float) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "30m1h", "1.5h", "-5m", " 5m", "5 m", "5M", "５m", "1h 30m"])
def test_what_is_none_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write a number with a unit"):
        durations.parse(text)


def test_a_number_without_unit_is_told_the_units() -> None:
    with pytest.raises(ValueError, match="'30' has no unit; write 30s for seconds or 30m for minutes"):
        durations.parse("30")


def test_a_duration_beyond_counting_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than can be counted"):
        durations.parse("999999999999y")


@pytest.mark.parametrize("text", ["0s", "999ms", "601s", "2h"])
def test_nobody_records_for_no_time_or_for_hours(text: str) -> None:
    with pytest.raises(ValueError, match="between 1s and 10m"):
        durations.recording(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9000)))
def test_what_is_said_is_read_back_to_the_millisecond(length: timedelta) -> None:
    assert durations.parse(durations.say(length)) == length // timedelta(milliseconds=1) * timedelta(milliseconds=1)

"""Numbers as pprof prints them; the examples are strings that the tool itself has printed."""

import pytest

from app.analysis.units import common_unit, format_percent, format_value


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_830_000_000, "nanoseconds", "1.83s"),
        (380_000_000, "nanoseconds", "380ms"),
        (3_060, "nanoseconds", "3.06us"),
        (7, "nanoseconds", "7ns"),
        (5_400_000_000_000, "nanoseconds", "1.50hrs"),
        (10_578_252, "bytes", "10.09MB"),
        (524_288, "bytes", "512kB"),
        (1023, "bytes", "1023B"),
        (-2048, "bytes", "-2kB"),
        (0, "bytes", "0"),
        (12, "count", "12"),
        (12, "widgets", "12"),
    ],
)
def test_a_number_is_printed_in_the_unit_that_suits_it(value: int, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "shown_in", "text"),
    [
        (567_460, "bytes", "kB", "554.16kB"),
        (38_000_000_000, "nanoseconds", "ms", "38000ms"),
        (1, "bytes", "MB", "0"),
        (12, "widgets", "widgets", "12widgets"),
        (12, "count", "count", "12"),
    ],
)
def test_a_number_is_printed_in_the_unit_of_its_table(value: int, unit: str, shown_in: str, text: str) -> None:
    assert format_value(value, unit, shown_in) == text


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (0.0, "0%"),
        (0.0025, "0.0025%"),
        (0.41, "0.41%"),
        (0.999, "1%"),
        (1.219, "1.22%"),
        (99.94, "99.94%"),
        (99.96, "100%"),
        (110.67, "110.67%"),
    ],
)
def test_a_share_is_printed_with_two_digits(percent: float, text: str) -> None:
    assert format_percent(percent) == text


def test_a_table_has_the_unit_of_its_smallest_number() -> None:
    assert common_unit([30_000_000, 900_000_000], 1_660_000_000, "nanoseconds") == "ms"


def test_a_hundredth_of_a_larger_unit_is_large_enough() -> None:
    assert common_unit([512 << 10, 9 << 20], 120 << 20, "bytes") == "MB"
    assert common_unit([9 << 10, 9 << 20], 120 << 20, "bytes") == "kB"


def test_counts_and_empty_tables_have_no_unit_to_choose() -> None:
    assert common_unit([1, 5], 6, "count") == "count"
    assert common_unit([], 0, "bytes") == "auto"

"""What is asked for where a server does not let us record for so long."""

import pytest

from app.profilers.limits import instead

REFUSED = "profile duration exceeds server's WriteTimeout"  # Go 1.10 to 1.22


@pytest.mark.parametrize("timeout", [1.5, 2, 3, 5, 7.5, 10, 12, 15, 20, 30, 45, 60, 120, 300])
@pytest.mark.parametrize("asked", [2, 10, 30, 600, 3600])
def test_go_is_asked_for_less_until_it_fits_its_write_timeout(timeout: float, asked: int) -> None:
    seconds, questions = asked, 0
    while seconds >= timeout:  # as net/http/pprof compares
        less = instead(seconds, 400, REFUSED, 0.01)
        assert less
        (seconds, why), questions = less, questions + 1
        assert "WriteTimeout" in why
    assert min(timeout, asked) / 2 <= seconds + 1
    assert questions <= 36


def test_a_write_timeout_below_two_seconds_leaves_nothing_to_ask_for() -> None:
    assert instead(1, 400, REFUSED, 0.01) is None


@pytest.mark.parametrize("status", [408, 499, 503, 504])
def test_what_is_ended_after_a_while_is_asked_for_a_shorter_while(status: int) -> None:
    less = instead(30, status, "", 10.02)
    assert less is not None and less[0] == 9
    assert f"after 10 s with {status}" in less[1]


def test_what_is_recorded_and_then_not_sent_is_asked_for_half_as_long() -> None:
    less = instead(30, 0, "", 30.1)
    assert less is not None and less[0] == 15
    assert "not sent" in less[1]


@pytest.mark.parametrize(("seconds", "after"), [(30, 0.1), (30, 29.0), (30, 90.0), (1, 1.1), (0, 5.0)])
def test_another_answer_that_never_came_is_not_asked_for_again(seconds: int, after: float) -> None:
    assert instead(seconds, 0, "", after) is None


@pytest.mark.parametrize(
    ("seconds", "status", "after"),
    [(30, 503, 0.1), (30, 503, 31.0), (30, 200, 10.0), (30, 500, 10.0), (30, 404, 10.0), (30, 400, 0.1), (0, 503, 5.0)],
)
def test_any_other_answer_is_an_answer(seconds: int, status: int, after: float) -> None:
    assert instead(seconds, status, "Could not enable CPU profiling", after) is None

"""What is said of a go-zero before it is profiled."""

from datetime import timedelta
from typing import cast

import pytest

from app.hosts.door import Door
from app.hosts.gate import Mode
from app.profilers.auto import Auto
from app.profilers.base import Way
from app.profilers.go_zero import GoZero
from tests.unit.profilers.test_http_pprof import process

NOBODY = cast(Door, None)


@pytest.mark.parametrize("way", [GoZero(), Auto()])
def test_a_go_zero_that_stops_by_itself_says_that_it_takes_its_own_minute(way: Way) -> None:
    chosen = way.choose(process(mode=Mode.TIMED, listens=True, askers=(1, 1)), "h", NOBODY)
    assert (chosen.name, chosen.length) == ("go-zero-timed", timedelta(minutes=1))
    assert chosen.why == "this go-zero stops by itself: it records for 60 s, whatever duration is asked for"


@pytest.mark.parametrize("way", [GoZero(), Auto()])
def test_a_go_zero_that_is_toggled_records_as_long_as_is_asked(way: Way) -> None:
    chosen = way.choose(process(mode=Mode.TOGGLE, listens=True, askers=(1, 1)), "h", NOBODY)
    assert (chosen.name, chosen.length, chosen.why) == ("go-zero-toggle", None, "")

"""What is said of a go-zero before it is profiled, and of a recording that does not end as it should."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from app.captures.outcome import shortfall
from app.captures.recording import with_result
from app.errors import Code, Reason, Refused, Retryable
from app.gate.answers import Answer, Mode
from app.gate.pool import HostPool
from app.model import Capture, ProcessId, Target, Trigger
from app.profilers.auto import Auto
from app.profilers.base import ProfilerSpec, Recording, StepResult
from app.profilers.go_zero import GoZero
from tests.unit.ledger.builders import NOON
from tests.unit.profilers.test_http_pprof import ME, process

NOBODY = cast(HostPool, None)


@pytest.mark.parametrize("spec", [GoZero(), Auto()])
def test_a_go_zero_that_stops_by_itself_says_that_it_takes_its_own_minute(spec: ProfilerSpec) -> None:
    chosen = spec.choose(process(mode=Mode.TIMED, listens=True, askers=(1, 1)), "h", NOBODY)
    assert (chosen.name, chosen.length) == ("go-zero-timed", timedelta(minutes=1))
    assert chosen.why == "this go-zero stops by itself: it records for 60 s, whatever duration is asked for"


@pytest.mark.parametrize("spec", [GoZero(), Auto()])
def test_a_go_zero_that_is_toggled_records_as_long_as_is_asked(spec: ProfilerSpec) -> None:
    chosen = spec.choose(process(mode=Mode.TOGGLE, listens=True, askers=(1, 1)), "h", NOBODY)
    assert (chosen.name, chosen.length, chosen.why) == ("go-zero-toggle", None, "")


# ---------------------------------------------------------------------- what speaks against its signals


def refused(**seen: Any) -> Reason:
    with pytest.raises(Refused) as fault:
        GoZero().judge(process(**{"mode": Mode.TOGGLE, "listens": True, **seen}), "h", NOBODY)
    return fault.value.reason


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            {"conflict": "table timed", "gozero_version": "v1.6.0"},
            "says go-zero v1.6.0, whose recording is one that the",
        ),
        ({"conflict": "table toggle", "gozero_version": "v1.10.3"}, "whose recording is one that stops by itself"),
        ({"conflict": "modules a/go-zero b/go-zero"}, "holds go-zero more than once (a/go-zero and b/go-zero)"),
        ({"conflict": "versions v1.5.0 v1.9.0"}, "in several versions (v1.5.0 and v1.9.0)"),
        ({"conflict": "programs"}, "more than one Go program"),
    ],
)
def test_an_executable_that_contradicts_itself_is_named_with_what_it_says(seen: dict[str, Any], said: str) -> None:
    reason = refused(mode=Mode.CONFLICT, **seen)
    assert reason.code is Code.EVIDENCE_CONFLICT
    assert said in reason.message and "http-pprof" in reason.message


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"askers": (1, 2)}, "2 for SIGUSR2"),
        ({"askers": (3, 2)}, "3 for SIGUSR1 and 2 for SIGUSR2"),
        ({"restarter": "github.com/jpillora/overseer"}, "it holds github.com/jpillora/overseer"),
    ],
)
def test_whoever_else_asks_for_its_signals_is_named(seen: dict[str, Any], said: str) -> None:
    reason = refused(**seen)
    assert reason.code is Code.UNSAFE_SIGNAL
    assert said in reason.message


def test_what_could_not_be_seen_is_said_and_is_no_refusal() -> None:
    chosen = GoZero().choose(process(mode=Mode.TOGGLE, listens=True, askers=None), "h", NOBODY)
    assert chosen.why == "whether something besides go-zero asks for SIGUSR2 could not be seen"


# ---------------------------------------------------------------------- how it ends


class OneAnswer:
    """A pool whose gate answers every stop alike."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.boot, self.host = answer, ME.boot, "h"

    def gate(self, host: str) -> "OneAnswer":
        return self

    def stop(self, token: str) -> Answer:
        return self.answer

    def fence(self, process: ProcessId, token: str, fence: int) -> Answer:
        return self.answer

    def status(self, token: str) -> Answer:
        return Answer("unknown")


def stopped(answer: Answer, mode: str = "timed") -> StepResult:
    return GoZero().stop(Recording(recording(mode), cast(HostPool, OneAnswer(answer)), NOON))


def recording(mode: str) -> Capture:
    trigger = Trigger("manual", by="me")
    return Capture("c1", NOON, trigger, profiler=f"go-zero-{mode}", target=Target("h"), process=ME, started_at=NOON)


@pytest.mark.parametrize(("code", "reason"), [("busy", "timeout"), ("blind", "timeout"), ("journal", "no_space")])
def test_where_an_earlier_claim_may_begin_yet_what_an_end_is_asked_of_is_asked_again(code: str, reason: str) -> None:
    capture = replace(recording("toggle"), fence=2)
    with pytest.raises(Retryable) as fault:
        GoZero().may_have_begun(Recording(capture, cast(HostPool, OneAnswer(Answer(code))), NOON))
    assert fault.value.reason.code == reason
    for known in ("ok", "fenced", "verb"):
        assert not GoZero().may_have_begun(Recording(capture, cast(HostPool, OneAnswer(Answer(known))), NOON))


def test_a_recording_that_nothing_ends_is_a_critical_finding_and_the_captures_reason() -> None:
    result = stopped(Answer("open", left=True))
    assert result.again is None
    assert [(one.severity, one.code) for one in result.findings] == [("critical", "left_recording")]
    assert "h: pid 7 still records" in result.notes["left"] and "restart the service" in result.notes["left"]
    left = with_result(recording("timed"), result)
    assert shortfall(left, GoZero()) == Reason(Code.TIMEOUT, result.notes["left"])
    assert left.findings == result.findings


def test_a_recording_that_the_switch_had_to_end_although_it_should_have_ended_itself_is_told() -> None:
    assert [one.code for one in stopped(Answer("finished", fired=True)).findings] == ["ended_by_switch"]
    assert stopped(Answer("finished", fired=True), "toggle").findings == ()
    assert stopped(Answer("finished")).findings == ()


def test_who_asks_a_self_stopping_recording_to_stop_is_told_when_it_will() -> None:
    said = GoZero().stop_message(recording("timed"))
    assert "does not offer" in said and "at 12:01:00 UTC" in said
    assert GoZero().stop_message(recording("toggle")) == "asked to stop early"

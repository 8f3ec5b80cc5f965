"""Which alert gets a capture, which falls on the one before, and why one is skipped."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.errors import Code
from app.intake.rules import Relabel, Rule, parse_matchers
from app.model import Alert, Capture, Decision, Episode, State
from tests.unit.ledger.builders import NOON, admission, firing

MINUTE = timedelta(minutes=1)
HOT = Rule("hot", parse_matchers('alertname="HighCPU"'), timedelta(seconds=40), 10 * MINUTE, "command")
COLD = Rule("cold", parse_matchers('alertname="Idle"'))
PROD = replace(HOT, relabel=(Relabel(target_label="x", replacement="y"), Relabel("keep", ("env",), regex="prod")))
RUNNING = Episode("old", State.RECORDING, None, None, None)
COMPLETED = Episode("old", State.COMPLETED, None, NOON, None)


def decided(
    episode: Episode | None = None,
    *,
    alert: Alert | None = None,
    rules: tuple[Rule, ...] = (HOT,),
    paused: str | None = None,
) -> Decision:
    return admission(rules)(alert or firing(), episode, now=NOON, paused=paused)


def new(decision: Decision) -> Capture:
    assert isinstance(decision, Capture)
    return decision


def known(decision: Decision) -> str:
    """The capture that a repeat falls on."""
    assert isinstance(decision, Episode)
    return decision.capture_id


def skipped(code: Code) -> Episode:
    return Episode("old", State.SKIPPED, code, NOON, None)


def test_a_new_capture_is_due_now_as_its_rule_says() -> None:
    capture = new(decided())
    assert (capture.state, capture.due_at, capture.created_at) == (State.PENDING, NOON, NOON)
    assert (capture.rule, capture.profiler, capture.duration) == ("hot", "command", timedelta(seconds=40))
    assert (capture.trigger.kind, capture.trigger.fingerprint, capture.trigger.alertname) == ("alert", "a1", "HighCPU")
    (entry,) = capture.timeline
    assert (entry.at, entry.step) == (NOON, "received")
    assert "HighCPU has been firing since 2026-11-23 12:00:00 UTC" in entry.message
    assert "«hot»" in entry.message


def test_without_any_rule_every_alert_is_captured_by_the_default_one() -> None:
    assert new(decided(rules=())).rule == "default"


def test_an_alert_of_no_rule_is_skipped_and_told_how_many_were_tried() -> None:
    capture = new(decided(rules=(COLD, COLD)))
    assert capture.reason is not None
    assert (capture.state, capture.reason.code, capture.due_at) == (State.SKIPPED, Code.NO_RULE, None)
    assert "none of the 2 rules" in capture.reason.message


def test_an_alert_that_its_rule_s_relabelling_drops_is_skipped_and_told_by_which_entry() -> None:
    capture = new(decided(alert=firing(env="dev"), rules=(PROD,)))
    assert capture.reason is not None
    assert (capture.state, capture.reason.code, capture.due_at) == (State.SKIPPED, Code.NO_RULE, None)
    assert capture.reason.message == (
        "the rule «hot» drops this alert: relabel_configs[1] (keep): env 'dev' does not match 'prod'; "
        "change that entry, or try rules out with `alertprof explain`"
    )
    assert capture.rule == "hot"


def test_an_alert_that_its_rule_s_relabelling_keeps_is_captured_with_the_labels_it_came_with() -> None:
    alert = firing(env="prod")
    capture = new(decided(alert=alert, rules=(PROD,)))
    assert capture.state is State.PENDING
    assert capture.trigger.labels == alert.labels


def test_what_the_first_rule_drops_does_not_fall_to_the_next_rule() -> None:
    assert new(decided(alert=firing(env="dev"), rules=(PROD, HOT))).state is State.SKIPPED


def test_while_paused_what_would_be_dropped_is_dropped() -> None:
    capture = new(decided(alert=firing(env="dev"), rules=(PROD,), paused="paused since noon by ops"))
    assert capture.reason is not None
    assert capture.reason.code is Code.NO_RULE


def test_while_paused_an_alert_is_held_back_and_told_by_whom() -> None:
    capture = new(decided(paused="paused since noon by ops"))
    assert capture.reason is not None
    assert (capture.state, capture.reason.code, capture.due_at) == (State.PENDING, Code.PAUSED, NOON)
    assert "captures are paused since noon by ops" in capture.reason.message


@pytest.mark.parametrize("state", [State.PENDING, State.RECORDING, State.COLLECTING])
def test_a_repeat_falls_on_the_capture_that_is_under_way(state: State) -> None:
    assert known(decided(replace(RUNNING, state=state))) == "old"


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELED])
def test_a_repeat_falls_on_the_capture_that_has_ended(state: State) -> None:
    assert known(decided(replace(COMPLETED, state=state))) == "old"


@pytest.mark.parametrize("episode", [RUNNING, COMPLETED, skipped(Code.DUPLICATE)])
def test_after_it_was_resolved_an_alert_is_new(episode: Episode) -> None:
    assert new(decided(replace(episode, resolved_at=NOON))).state is State.PENDING


def test_a_start_later_than_the_end_and_the_cooldown_is_a_new_episode() -> None:
    later = firing(starts_at=NOON + 10 * MINUTE + timedelta(seconds=1))
    assert new(decided(COMPLETED, alert=later)).state is State.PENDING


def test_an_end_that_a_clock_ahead_wrote_makes_repeats_of_no_later_alerts() -> None:
    ahead = replace(COMPLETED, ended_at=NOON + timedelta(days=365), starts_at=NOON)
    assert new(decided(ahead, alert=firing(starts_at=NOON + 11 * MINUTE))).state is State.PENDING
    assert known(decided(ahead, alert=firing(starts_at=NOON + 9 * MINUTE))) == "old"


def test_a_start_within_the_cooldown_is_a_repeat() -> None:
    assert known(decided(COMPLETED, alert=firing(starts_at=NOON + 10 * MINUTE))) == "old"


@pytest.mark.parametrize("code", [Code.NO_RULE, Code.PAUSED, Code.COOLDOWN, Code.BUDGET, Code.RESOLVED_BEFORE_START])
def test_what_was_skipped_for_a_reason_that_has_gone_is_captured_now(code: Code) -> None:
    assert new(decided(skipped(code))).state is State.PENDING


@pytest.mark.parametrize("code", [Code.DUPLICATE, Code.HOST_NOT_ALLOWED, Code.UNSAFE_SIGNAL])
def test_what_was_skipped_for_good_stays_skipped(code: Code) -> None:
    assert known(decided(skipped(code))) == "old"


def test_the_same_reason_again_is_a_repeat() -> None:
    assert known(decided(skipped(Code.PAUSED), paused="paused since noon by ops")) == "old"
    assert known(decided(skipped(Code.NO_RULE), rules=(COLD,))) == "old"
    assert known(decided(skipped(Code.NO_RULE), alert=firing(env="dev"), rules=(PROD,))) == "old"


def test_what_was_dropped_is_captured_once_its_rule_drops_it_no_more() -> None:
    assert new(decided(skipped(Code.NO_RULE), alert=firing(env="prod"), rules=(PROD,))).state is State.PENDING


def test_another_reason_is_a_row_of_its_own() -> None:
    capture = new(decided(skipped(Code.NO_RULE), paused="paused since noon by ops"))
    assert capture.reason is not None
    assert capture.reason.code is Code.PAUSED


def test_an_alert_without_a_name_is_told_as_such() -> None:
    capture = new(decided(alert=replace(firing(), labels={}), rules=()))
    assert "an alert without a name" in capture.timeline[0].message

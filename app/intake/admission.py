"""Should there be a capture for this alert, and if not, why? Pure.

The ledger calls `decide` for every firing alert, in the transaction that records the answer. main.py binds the rules.
The pipeline checks the limits that need the process (cooldown, budget), and how long an alert is held back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from app.errors import Code, Reason
from app.model import Alert, Capture, Decision, Episode, Event, State, Step, Trigger

CLOCKS_DIFFER = timedelta(minutes=1)  # of replicas
# A repeat of an alert that was skipped for one of these is decided again, because the reason may have gone.
MAY_CHANGE = frozenset(
    {Code.NO_RULE, Code.PAUSED, Code.COOLDOWN, Code.BUDGET, Code.RESOLVED_BEFORE_START, Code.INVALID_ALERT}
)


class Terms(Protocol):
    """The part of a rule that admission needs; app.intake.rules.Rule has it."""

    @property
    def name(self) -> str: ...
    @property
    def profiler(self) -> str: ...
    @property
    def duration(self) -> timedelta: ...
    @property
    def cooldown(self) -> timedelta: ...
    @property
    def notes(self) -> Mapping[str, str]: ...  # of its captures
    def drops(self, labels: Mapping[str, str]) -> str | None: ...  # which entry drops them and why, or None


def decide(
    alert: Alert,
    episode: Episode | None,
    *,
    now: datetime,
    paused: str | None,
    match: Callable[[Mapping[str, str]], Terms | None],
    tried: int,
    new_id: Callable[[], str],
    lane: Callable[[Mapping[str, str], Any], str] = lambda labels, rule: "",
) -> Decision:
    """What becomes of a firing alert.

    episode: the current one of its fingerprint. match: finds the rule for labels; tried: the number of rules. paused:
    None, or "paused since … by …". new_id: makes a UUIDv7. lane: the host that the labels name, as a rule reads them.
    """
    if episode is not None and not episode.state.ended and episode.resolved_at is None:
        return episode
    rule = None if alert.fault else match(alert.labels)
    hindrance = _hindrance(alert, rule, tried, paused)
    if episode is not None and not _over(episode, alert, rule, now) and not _decided_again(episode, hindrance):
        return episode
    waits = rule is not None and (hindrance is None or hindrance.code is Code.PAUSED)
    return _capture(alert, rule, hindrance, now, id_=new_id(), lane=lane(alert.labels, rule) if waits else None)


def _hindrance(alert: Alert, rule: Terms | None, tried: int, paused: str | None) -> Reason | None:
    if alert.fault:
        return Reason(Code.INVALID_ALERT, alert.fault)
    if rule is None:
        return Reason(
            Code.NO_RULE,
            f"none of the {tried} rules matches this alert's labels; add a rule for it, "
            "or try rules out with `alertprof explain`",
        )
    if (dropped := rule.drops(alert.labels)) is not None:
        return Reason(
            Code.NO_RULE,
            f"the rule «{rule.name}» drops this alert: {dropped}; change that entry, "
            "or try rules out with `alertprof explain`",
        )
    if paused is not None:
        return Reason(Code.PAUSED, f"captures are {paused}; POST /-/resume takes them up again")
    return None


def _over(episode: Episode, alert: Alert, rule: Terms | None, now: datetime) -> bool:
    """Whether the alert begins a new episode. A later startsAt alone does not: it differs between Alertmanager's peers,
    by less than any cooldown. An end in the future is from before the clock was set; it would make repeats of all
    alerts until then, so the start that the alert itself had said counts instead."""
    if episode.resolved_at is not None:
        return True
    cooldown = rule.cooldown if rule else timedelta(0)
    if episode.ended_at is None or alert.starts_at is None:
        return False
    last = episode.ended_at if episode.ended_at <= now + CLOCKS_DIFFER else episode.starts_at
    return last is not None and alert.starts_at > last + cooldown


def _decided_again(episode: Episode, hindrance: Reason | None) -> bool:
    if episode.state is not State.SKIPPED or episode.reason_code not in MAY_CHANGE:
        return False
    return hindrance is None or hindrance.code != episode.reason_code


def _capture(
    alert: Alert, rule: Terms | None, hindrance: Reason | None, now: datetime, *, id_: str, lane: str | None
) -> Capture:
    """The alert's capture, made at once: each change of a frozen value makes another one. lane: where it waits; None:
    it has ended."""
    waits = lane is not None
    trigger = Trigger(
        kind="alert",
        labels=alert.labels,
        fingerprint=alert.fingerprint,
        annotations=alert.annotations,
        starts_at=alert.starts_at,
        generator_url=alert.generator_url,
    )
    by_rule: dict[str, Any] = {}
    if rule:
        by_rule = {"rule": rule.name, "profiler": rule.profiler, "duration": rule.duration, "notes": rule.notes}
    timeline = [Event(now, "received", _received(trigger, rule))]
    if hindrance:
        timeline.append(Event(now, "waiting" if waits else State.SKIPPED.value, hindrance.message))
    return Capture(
        id_,
        now,
        trigger,
        state=State.PENDING if waits else State.SKIPPED,
        step=Step.RESOLVE if waits else Step.DONE,
        due_at=now if waits else None,
        lane=lane or "",
        reason=hindrance,
        ended_at=None if waits else now,
        timeline=tuple(timeline),
        **by_rule,
    )


def _received(trigger: Trigger, rule: Terms | None) -> str:
    name = trigger.alertname or "an alert without a name"
    since = f"{trigger.starts_at.isoformat(' ', 'seconds')[:19]} UTC" if trigger.starts_at else "an unknown time"
    answer = f"the rule «{rule.name}» answers it" if rule else "no rule answers it"
    return f"Alertmanager says {name} has been firing since {since}; {answer}"

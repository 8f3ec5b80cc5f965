"""Calm captures on a schedule, for the rules that have `baseline: {every: …}`. docs/rules.md says when one is taken.

Of each service that alerts of the rule have captured, the process is looked for again by the labels of the last such
alert, and captured as the rule says. The row is an ordinary capture, so it survives a restart; of several replicas one
takes it. Once it has ended, and no alert of the service has come until some minutes later, it becomes the baseline.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
import uuid_utils

from app.captures.holding import is_hot
from app.finding import CRITICAL
from app.intake.rules import Rule
from app.ledger.calm import AlertRow
from app.ledger.ledger import Bounds, Ledger
from app.model import Capture, State, Trigger
from app.services import service_of

SETTLED = timedelta(minutes=5)  # after its end: an alert about the time of the recording has come by then

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Takes the calm captures that are due, and makes baselines of them."""

    ledger: Ledger
    rules: Callable[[], Sequence[Rule]]

    def run(self, now: datetime) -> None:
        """Called again and again. Raises LedgerUnavailable."""
        for capture in self.ledger.calm.unjudged(now - SETTLED):
            self._judge(capture)
        if self.ledger.paused():
            return
        for rule in self.rules():
            if rule.baseline_every:
                self._take(rule, rule.baseline_every, now)

    def _room(self, now: datetime) -> int:
        """How many more may be taken: alerts are left half of what the limits allow."""
        bounds = self.ledger.bounds or Bounds()
        taken, active = self.ledger.calm.number(now - timedelta(hours=1), now)
        return min(max(bounds.per_hour // 2, 1) - taken, max(bounds.at_once // 2, 1) - active)

    def _take(self, rule: Rule, every: timedelta, now: datetime) -> None:
        calm, room = self.ledger.calm, self._room(now)
        if room <= 0 or not (due := calm.due(rule.name, now - every, now)):
            return
        alerts = calm.alerts(now - rule.cooldown)
        for last in due:
            capture, service = calm_capture(last, rule, now), service_in(last)
            if disturbed(service, rule.name, alerts) or self._must_wait(last, rule, now):
                continue
            if self.ledger.full(replace(capture, target=last.target), now):
                continue
            if calm.take(capture, service, now - every):
                log.info("a calm capture is due", capture_id=capture.id, service=service, rule=rule.name)
                self.ledger.on_due()
                room -= 1
            if room == 0:
                return

    def _must_wait(self, last: Capture, rule: Rule, now: datetime) -> bool:
        """Whether the service was captured a moment ago: the cooldown also holds for what is taken on a schedule."""
        host = last.target.host if last.target else ""
        before = self.ledger.last_ended(last.process.key if last.process else "", host, service_in(last))
        return before is not None and before.ended_at is not None and is_hot(before.ended_at, rule.cooldown, now)

    def _judge(self, capture: Capture) -> None:
        alerts = self.ledger.calm.alerts(capture.created_at)
        why = "; ".join(unrest(capture, alerts))
        if not why and not self.ledger.choose_baseline(capture):
            why = "it has no service"
        self.ledger.calm.judged(capture.id)
        log.info("a calm capture was judged", capture_id=capture.id, not_the_baseline=why or None)


def calm_capture(last: Capture, rule: Rule, now: datetime) -> Capture:
    """The capture of the process that an alert like that of `last` would be about."""
    trigger = Trigger("manual", last.trigger.labels, by=f"the schedule of the rule «{rule.name}»", note="a baseline")
    said = f"the rule «{rule.name}» takes a baseline, of the process that capture {last.id} was about"
    return Capture(
        str(uuid_utils.uuid7()),
        now,
        trigger,
        due_at=now,
        rule=rule.name,
        profiler=rule.profiler,
        duration=rule.duration,
        notes=rule.notes,
    ).with_event(now, "received", said)


def service_in(capture: Capture) -> str:
    """The service of the capture's process."""
    return capture.target.service if capture.target else ""


def disturbed(service: str, rule: str, alerts: Sequence[AlertRow]) -> bool:
    """Whether one of the alerts is about the service. One whose process is not known may be, if the same rule answered
    it or its labels name the service."""
    return any(
        alert.service == service or (not alert.service and (alert.rule == rule or service_of(alert.labels) == service))
        for alert in alerts
    )


def unrest(capture: Capture, alerts: Sequence[AlertRow]) -> Iterator[str]:
    """Why the capture is not calm."""
    if capture.state is not State.COMPLETED:
        yield f"it is {capture.state.value}"
    if disturbed(service_in(capture), capture.rule, alerts):
        yield "an alert of the service came meanwhile"
    if any(finding.severity == CRITICAL for finding in capture.findings):
        yield "it shows a fault"

"""The part of an explanation that the ledger answers: is the alert a repeat, and do the limits allow a capture?"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from app.explain.report import Report, report_bounds, report_cooldown
from app.explain.wording import NEW_ID, repeat_of
from app.intake.admission import decide
from app.intake.rules import Rule, first_match
from app.ledger.ledger import LedgerReader, LedgerUnavailable
from app.model import Alert, Blocked, Capture, Decision, Episode, Target


@dataclass(slots=True)
class EarlierAlerts:
    """What the alerts before this one in the message would have begun: episodes by fingerprint, and process keys."""

    episodes: dict[str, Episode] = field(default_factory=dict)
    process_keys: set[str] = field(default_factory=set)

    def is_first_on(self, process_key: str) -> bool:
        """Whether no earlier alert was about this process; remembers the process."""
        first = process_key not in self.process_keys
        self.process_keys.add(process_key)
        return first


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger knows. ledger: None when there is none to read, and `why_none` says why."""

    ledger: LedgerReader | None
    why_none: str = ""

    def report_admission(
        self, report: Report, rules: Sequence[Rule], alert: Alert, earlier: EarlierAlerts, now: datetime
    ) -> Capture:
        """The capture that would be made for a firing alert, even if something stands against it."""
        report.begin("Has it been taken up already?")
        episode, paused = earlier.episodes.get(alert.fingerprint), None
        try:
            episode = episode or self._reader().episodes([alert.fingerprint]).get(alert.fingerprint)
            paused = self._reader().paused()
        except LedgerUnavailable as fault:
            report.note(f"not known: {fault}")
        decision = _decision(rules, alert, episode, now, paused)
        if isinstance(decision, Episode):
            report.no(repeat_of(decision.capture_id, episode))
            decision = _decision(rules, alert, None, now, None)  # what it would be if it were no repeat
            assert isinstance(decision, Capture)  # noqa: S101 - without an episode there is no repeat
            return decision
        if decision.reason:
            report.no(decision.reason.message, passes=not decision.state.ended)
        elif self.ledger is not None:
            report.ok("no: it is new, or its last episode is over")
        earlier.episodes[alert.fingerprint] = Episode(NEW_ID, decision.state, None, None, None)
        return decision

    def report_limits(self, report: Report, capture: Capture, rule: Rule, now: datetime) -> None:
        """Cooldown and bounds. `capture` has its target, and its process where that is known."""
        report.begin("Limits")
        target, process_key = capture.target or Target(""), capture.process.key if capture.process else ""
        if not process_key:
            report.note("those of the process itself are known once it is found: that takes a look at the host")
        try:
            last = self._reader().last_ended(process_key, target.host, target.service, by="alert")
            other = self._reader().active_on(process_key) if process_key else None
            full = self._reader().full(capture, now)
        except LedgerUnavailable as fault:
            report.note(f"not known: {fault}")
            return
        report_cooldown(report, rule, target, last, now)
        if other:
            report.no(f"capture {other} is already at work on this process; this alert is served by it")
        report_bounds(report, full)

    def blocked(self, build: str) -> Blocked | None:
        """The blocked executable of this build; None also where the ledger cannot be read."""
        with suppress(LedgerUnavailable):
            return self._reader().blocked_as(build)
        return None

    def _reader(self) -> LedgerReader:
        if self.ledger is None:
            raise LedgerUnavailable(self.why_none)
        return self.ledger


def _decision(
    rules: Sequence[Rule], alert: Alert, episode: Episode | None, now: datetime, paused: str | None
) -> Decision:
    match = partial(first_match, rules)
    return decide(alert, episode, now=now, paused=paused, match=match, tried=len(rules), new_id=lambda: NEW_ID)

"""What would become of an alert, and why? Every step from the rules to the process, without effect.

Called by the command line (`explain`) and, through main.py, by the page and the API. It asks the parts that would
handle the alert: the rules, admission, the resolvers, the profilers, the ledger and, with `connect`, the host, which is
only looked at. Nothing is written anywhere, and no signal is sent.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import BoundedSemaphore, Event, Thread

from app.captures.resolve import target_of
from app.captures.search import Resolution
from app.errors import Code, Retryable
from app.explain.explanation import Explained, Explanation
from app.explain.processes import report_look, report_profiler, report_resolvers
from app.explain.recorded import EarlierAlerts, Recorded
from app.explain.report import Report
from app.explain.rules import report_relabelling, report_rule
from app.gate.pool import HostPool
from app.hosts.route import Route
from app.intake.rules import Rule
from app.ledger.ledger import LedgerReader
from app.model import Alert, Capture, Target
from app.resolvers.base import Candidates, Resolver
from app.services import service_of

LOOKS_AT_ONCE = 4  # requests that look at hosts; each may leave a thread behind that waits for a silent host
LOOKING = 25.0  # seconds for them
MOST = 50  # alerts of one message


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains alerts. Any thread may use it.

    rules: those in force; resolvers: the default ones; route: Connector.route; ledger: None when there is none to read,
    and `no_ledger` says why.
    """

    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    route: Callable[[str], Route]
    pool: HostPool
    ledger: LedgerReader | None
    no_ledger: str = ""
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LOOKS_AT_ONCE), repr=False)

    def explain(self, alerts: Sequence[Alert], now: datetime, *, connect: bool) -> tuple[Explanation, ...]:
        """One explanation per alert. connect: look at the hosts. No fault of an alert, a host or the ledger raises."""
        earlier = EarlierAlerts()
        return tuple(self.explain_one(alert, now, earlier, connect=connect) for alert in alerts)

    def answer(self, alerts: Sequence[Alert], now: datetime, *, connect: bool, seconds: float = LOOKING) -> Explained:
        """As explain, for a request: the first MOST alerts, within `seconds`. An alert whose host has not answered by
        then is explained without it. Raises Retryable(TIMEOUT) while too many other requests wait for hosts."""
        first = alerts[:MOST]
        if not connect:
            return Explained(self.explain(first, now, connect=False), len(alerts) - len(first))
        if not self._places.acquire(blocking=False):
            raise Retryable(Code.TIMEOUT, "several others are waiting for hosts just now; try again in half a minute")
        look = _TimedLook(self, first, now, time.monotonic() + seconds, self._places.release)
        Thread(target=look.run, daemon=True, name="explain").start()
        done = look.wait()
        late = f"the {seconds:g} s for looking at hosts were over before this one had answered"
        rest = (
            self.explain_one(alert, now, EarlierAlerts(), connect=False, not_looked_at=late)
            for alert in first[len(done) :]
        )
        return Explained((*done, *rest), len(alerts) - len(first))

    def explain_one(
        self, alert: Alert, now: datetime, earlier: EarlierAlerts, *, connect: bool, not_looked_at: str = ""
    ) -> Explanation:
        """The explanation of one alert. earlier: those before it in the message; not_looked_at: why a host was not
        looked at that should have been."""
        report = Report()
        resolution = self._report(report, alert, now, earlier, connect=connect, not_looked_at=not_looked_at)
        return Explanation(
            alert.labels.get("alertname", ""),
            alert.fingerprint,
            alert.labels,
            not report.hindrances,
            report.verdict(resolution),
            report.sections,
        )

    def _report(
        self, report: Report, alert: Alert, now: datetime, earlier: EarlierAlerts, *, connect: bool, not_looked_at: str
    ) -> Resolution | None:
        """Section by section, until one of them ends it."""
        if not alert.firing or alert.fault:
            resolved = "it is resolved: that ends its episode, and nothing is profiled for it"
            report.begin("Alert").no(alert.fault if alert.firing else resolved)
            return None
        if (rule := report_rule(report, self.rules(), alert.labels)) is None:
            return None
        if (labels := report_relabelling(report, rule, alert.labels)) is None:
            return None
        recorded = Recorded(self.ledger, self.no_ledger)
        capture = recorded.report_admission(report, self.rules(), alert, earlier, now)
        resolvers = rule.resolvers or self.resolvers
        candidates = report_resolvers(report, resolvers, labels, self.route, connect=connect)
        if candidates is None:
            return None
        resolution = None
        if connect:
            resolution = report_look(report, alert, rule, self.pool, resolvers=self.resolvers, blocked=recorded.blocked)
        if not_looked_at:
            report.no(not_looked_at)
        report_profiler(report, rule, resolution)
        if resolution is None:
            recorded.report_limits(report, replace(capture, target=_unseen_target(candidates)), rule, now)
            return None
        capture = _resolved(capture, resolution, now)
        recorded.report_limits(report, capture, rule, now)
        if not earlier.is_first_on(resolution.process.id.key):
            report.no("an alert before it in this message is about the same process; this alert is served by that one")
        report.begin("What would be sent (TOKEN is the capture's id)")
        selection = resolution.selection
        for profiler in filter(None, (selection.profiler, selection.besides)):
            for line in profiler.plan(resolution.process, capture):
                report.note(line)
        return resolution


def _resolved(capture: Capture, resolution: Resolution, now: datetime) -> Capture:
    """The capture once its process is known."""
    return replace(
        capture,
        profiler=resolution.selection.name,
        process=resolution.process.id,
        target=target_of(capture, resolution, now),
    )


def _unseen_target(candidates: Candidates) -> Target:
    """The target of a process that has not been looked at, as the limits count it."""
    return Target(candidates.host, service=service_of(candidates.labels))


class _TimedLook:
    """Explains a message's alerts in a thread of its own, for which nobody waits longer than until `end`."""

    def __init__(
        self, explainer: Explainer, alerts: Sequence[Alert], now: datetime, end: float, done: Callable[[], None]
    ) -> None:
        """end: of time.monotonic(); done: called when the thread ends."""
        self._explainer, self._alerts, self._now, self._end, self._on_done = explainer, alerts, now, end, done
        self._explained: list[Explanation] = []
        self._fault: Exception | None = None
        self._over = Event()

    def run(self) -> None:
        earlier = EarlierAlerts()
        try:
            for alert in self._alerts:
                if time.monotonic() < self._end:
                    self._explained.append(self._explainer.explain_one(alert, self._now, earlier, connect=True))
        except Exception as fault:  # wait() raises it
            self._fault = fault
        finally:
            self._on_done()
            self._over.set()

    def wait(self) -> tuple[Explanation, ...]:
        """The explanations that are ready at the end of the time. Raises what the thread met."""
        self._over.wait(max(self._end - time.monotonic(), 0))
        if self._fault:
            raise self._fault
        return tuple(self._explained)

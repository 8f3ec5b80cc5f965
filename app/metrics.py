"""The service's metrics, each named once. main.py creates one `Metrics` and hands it to the packages that count.

Names and units follow https://prometheus.io/docs/practices/naming/. The label values are the contract's words.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest

from app.errors import Code, Reason
from app.model import Capture, State, Step

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
PHASES = ("waiting", "recording", "collecting")  # between creation, start, stop and end
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Every metric of one replica, in a registry of its own. docs/metrics.md has the same list."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and Prometheus does not read them in this format
        self.registry, self._ledger = (CollectorRegistry(auto_describe=True) for _ in range(2))
        self._counter = partial(Counter, registry=self.registry)
        self._gauge = partial(Gauge, registry=self.registry)
        self._histogram = partial(Histogram, registry=self.registry)
        self._define_webhook()
        self._define_captures()
        self._define_durations()
        self._define_hosts()
        self._define_notifications()
        self._define_state()
        self._define_ledger()
        ProcessCollector(registry=self.registry)
        self._begin_at_zero()

    def _define_webhook(self) -> None:
        self.webhook_messages = self._counter(
            "alertprof_webhook_messages", "Messages from Alertmanager, by outcome.", ["outcome"]
        )
        self.webhook_alerts = self._counter(
            "alertprof_webhook_alerts",
            "Alerts durably received, by status; invalid: taken as a skipped row.",
            ["status"],
        )
        self.alerts_taken = self._counter(
            "alertprof_alerts",
            "Firing alerts, by what became of them: a rule matched (captured), it was known (repeated), or skipped.",
            ["outcome"],
        )
        self.rule_alerts = self._counter(
            "alertprof_rule_alerts", "New alerts, by the rule that answered them.", ["rule"]
        )
        self.webhook_left_out = self._counter(
            "alertprof_webhook_truncated_alerts",
            "Alerts that messages left out, by their own words (max_alerts); a repeat counts them again.",
        )
        self.left_out_fetches = self._counter(
            "alertprof_truncated_alerts_fetches",
            "Attempts to have such alerts from Alertmanager's API, by outcome.",
            ["outcome"],
        )
        self.webhook_seconds = self._histogram(
            "alertprof_webhook_seconds", "From a message's arrival to its durable record.", buckets=FAST
        )

    def _define_captures(self) -> None:
        self.captures_ended = self._counter(
            "alertprof_captures_ended", "Ended captures, by state and reason code.", ["state", "reason"]
        )
        self.recordings_started = self._counter(
            "alertprof_recordings_started", "Recordings begun, by profiler.", ["profiler"]
        )
        self.switches_fired = self._counter(
            "alertprof_dead_man_switches_fired", "Recordings that the dead-man's switch on the host had ended."
        )
        self.artifact_bytes = self._counter(
            "alertprof_artifact_bytes", "Bytes of files brought home, by artifact kind.", ["kind"]
        )
        self.findings = self._counter(
            "alertprof_findings", "Findings of ended captures, by code and severity.", ["code", "severity"]
        )
        self.harm = self._counter(
            "alertprof_harm", "Processes that ended within seconds of our signal, by signal.", ["signal"]
        )

    def _define_durations(self) -> None:
        self.phase_seconds = self._histogram(
            "alertprof_capture_phase_seconds",
            "Of ended captures that recorded: until the start (waiting), recording, and until the end (collecting).",
            ["phase"],
            buckets=SLOW,
        )
        self.step_seconds = self._histogram(
            "alertprof_step_seconds", "What a worker's thread spent on one step of a capture.", ["step"], buckets=SLOW
        )

    def _define_hosts(self) -> None:
        self.connections = self._gauge(
            "alertprof_ssh_connections",
            "Hosts that are connected, or left alone for a while after failed logins (paused).",
            ["state"],
        )
        self.logins_in_flight = self._gauge("alertprof_logins_in_flight", "Logins under way.")
        self.logins_waiting = self._gauge("alertprof_logins_waiting", "Logins that wait for their turn behind those.")
        self.logins = self._counter(
            "alertprof_logins", "Logins by outcome: succeeded, or the reason code.", ["outcome"]
        )
        self.login_seconds = self._histogram(
            "alertprof_login_seconds", "Until a gate answers on a new connection.", buckets=SLOW
        )
        self.gate_requests = self._counter("alertprof_gate_requests", "Verbs sent to gates on hosts.", ["verb"])

    def _define_state(self) -> None:
        self.audit_lost = self._counter("alertprof_audit_lines_lost", "Lines of the audit log that were not written.")
        self.stored_bytes = self._gauge(
            "alertprof_stored_bytes", "Bytes of all files of ended captures, measured every 5 minutes."
        )
        self.removed_bytes = self._counter(
            "alertprof_retention_removed_bytes", "Bytes of files that retention removed."
        )
        self.store_free = self._gauge("alertprof_store_free_bytes", "Room where artifacts are kept, in bytes.")
        self.clock_offset = self._gauge(
            "alertprof_clock_offset_seconds", "This machine's clock minus PostgreSQL's, which counts; 0 with SQLite."
        )
        self.reload_successful = self._gauge(
            "alertprof_config_last_reload_successful",
            "1 if the configuration was taken when it was read last, 0 if an earlier one stayed.",
        )
        self.reload_seconds = self._gauge(
            "alertprof_config_last_reload_success_timestamp_seconds", "When the configuration in force was read."
        )
        build = self._gauge("alertprof_build_info", "1, with the versions as labels.", ["version", "python"])
        build.labels(version("alertprof"), python_version()).set(1)

    def _define_ledger(self) -> None:
        """What each scrape reads from the database, in a registry of its own: without an answer it is left out."""
        gauge = partial(Gauge, registry=self._ledger)
        self.ledger_up = self._gauge(
            "alertprof_ledger_up", "1 if the database has answered this scrape, 0 if what is read from it is left out."
        )
        self.queue_length = gauge("alertprof_queue_length", "Captures that are due and that no worker has claimed.")
        self.queue_oldest = gauge("alertprof_queue_oldest_seconds", "How long the oldest of them has been due.")
        self.blocked = gauge("alertprof_blocked_executables", "Executables that are not signalled any more.")
        self.captures = gauge("alertprof_captures", "Captures in the ledger, by state.", ["state"])

    def _begin_at_zero(self) -> None:
        """Shows what has not happened yet, so that rate() sees its first time."""
        for outcome in ("recorded", "refused", "unrecorded"):
            self.webhook_messages.labels(outcome)
        for outcome in ("captured", "repeated", "skipped"):
            self.alerts_taken.labels(outcome)
        for outcome in ("succeeded", Code.HOST_UNREACHABLE.value, Code.AUTH_FAILED.value, Code.HOST_KEY_MISMATCH.value):
            self.logins.labels(outcome)
        self.captures_ended.labels(State.COMPLETED.value, "")
        for code in Code:
            self.captures_ended.labels(State.FAILED.value, code.value)

    def _define_notifications(self) -> None:
        self.notifications = self._counter(
            "alertprof_notifications",
            "Notices of ended captures, by notifier, its kind, and outcome of each attempt.",
            ["notifier", "kind", "outcome"],
        )
        self.notification_seconds = self._histogram(
            "alertprof_notification_seconds", "Of a delivery.", ["kind"], buckets=SLOW
        )
        self.notifications_waiting = self._gauge(
            "alertprof_notifications_waiting", "Notices that wait to be delivered.", ["notifier"]
        )

    def show_notices(self, counts: Mapping[str, int], kinds: Mapping[str, str]) -> None:
        """Sets how many notices wait for each of these notifiers, whose kinds are given by name. What has not become of
        a notice yet is 0, so that increase() sees the first time."""
        self.notifications_waiting.clear()
        for name, kind in kinds.items():
            self.notifications_waiting.labels(name).set(counts.get(name, 0))
            for outcome in ("delivered", "retried", "failed", "dropped"):
                self.notifications.labels(name, kind, outcome)

    def reloaded(self, obstacle: str | None) -> None:
        """Notes that the configuration was read. obstacle: why it was not taken."""
        self.reload_successful.set(obstacle is None)
        if obstacle is None:
            self.reload_seconds.set_to_current_time()

    def ended(self, capture: Capture) -> None:
        """Counts a capture that has just ended."""
        self.captures_ended.labels(capture.state.value, capture.reason.code.value if capture.reason else "").inc()
        for finding in capture.findings:
            self.findings.labels(finding.code, finding.severity).inc()
        if capture.started_at and capture.stopped_at and capture.ended_at:
            times = (capture.created_at, capture.started_at, capture.stopped_at, capture.ended_at)
            for phase, begin, end in zip(PHASES, times, times[1:], strict=False):
                self.phase_seconds.labels(phase).observe(max(0.0, (end - begin).total_seconds()))

    def decided(self, *, captured: int, repeated: int, skipped: Iterable[Reason], matched: Iterable[str] = ()) -> None:
        """Counts what became of the firing alerts of a message. skipped: why, for each row that has ended at once;
        matched: the rules that answered the new ones."""
        for name in matched:
            self.rule_alerts.labels(name).inc()
        for outcome, number in (("captured", captured), ("repeated", repeated)):
            if number:
                self.alerts_taken.labels(outcome).inc(number)
        for reason in skipped:
            self.alerts_taken.labels("skipped").inc()
            self.captures_ended.labels(State.SKIPPED.value, reason.code.value).inc()

    def show_rules(self, names: Iterable[str]) -> None:
        """Shows these rules before they answer anything."""
        for name in names:
            self.rule_alerts.labels(name)

    def stepped(self, step: Step, seconds: float) -> None:
        """Notes how long a worker's thread was busy with a step."""
        self.step_seconds.labels(step.value).observe(seconds)

    def login(self, seconds: float, obstacle: Reason | None) -> None:
        """Counts a login. obstacle: why it failed."""
        self.logins.labels(obstacle.code.value if obstacle else "succeeded").inc()
        if obstacle is None:
            self.login_seconds.observe(seconds)

    def show_captures(self, counts: Mapping[State, int]) -> None:
        """Sets the number of captures in each state for the next scrape."""
        for state in State:
            self.captures.labels(state.value).set(counts.get(state, 0))

    def show_queue(self, length: int, oldest: datetime | None, now: datetime) -> None:
        """Sets the number of due captures, and since when the oldest one is due, for the next scrape."""
        self.queue_length.set(length)
        self.queue_oldest.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)

    def watch_hosts(self, states: Callable[[], tuple[int, int]], logins: Callable[[], tuple[int, int]]) -> None:
        """Reads these at every scrape: hosts connected and paused; logins under way, and those that wait for a turn."""
        self.connections.labels("connected").set_function(lambda: states()[0])
        self.connections.labels("paused").set_function(lambda: states()[1])
        self.logins_in_flight.set_function(lambda: logins()[0])
        self.logins_waiting.set_function(lambda: logins()[1])

    def exposition(self, *, ledger_up: bool = True) -> bytes:
        """The metrics in Prometheus' text format. ledger_up: False leaves out what is read from the database."""
        self.ledger_up.set(ledger_up)
        return generate_latest(self.registry) + (generate_latest(self._ledger) if ledger_up else b"")

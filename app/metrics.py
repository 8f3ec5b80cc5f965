"""The service's metrics, each named once. main.py creates one `Metrics` and hands it to the packages that count.

Names and units follow https://prometheus.io/docs/practices/naming/. The label values are the contract's words.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from app.model import Capture, State

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Every metric of one replica, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._define_webhook(self.registry)
        self._define_captures(self.registry)
        self._define_state(self.registry)
        self._define_notifications(self.registry)

    def _define_webhook(self, registry: CollectorRegistry) -> None:
        self.webhook_messages = Counter(
            "alertprof_webhook_messages", "Messages from Alertmanager, by outcome.", ["outcome"], registry=registry
        )
        self.webhook_alerts = Counter(
            "alertprof_webhook_alerts",
            "Alerts durably received, by status; invalid: taken as a skipped row.",
            ["status"],
            registry=registry,
        )
        self.webhook_left_out = Counter(
            "alertprof_webhook_truncated_alerts",
            "Alerts that messages left out, by their own words (max_alerts); a repeat counts them again.",
            registry=registry,
        )
        self.left_out_fetches = Counter(
            "alertprof_truncated_alerts_fetches",
            "Attempts to have such alerts from Alertmanager's API, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self.webhook_seconds = Histogram(
            "alertprof_webhook_seconds",
            "From a message's arrival to its durable record.",
            buckets=FAST,
            registry=registry,
        )

    def _define_captures(self, registry: CollectorRegistry) -> None:
        self.captures_ended = Counter(
            "alertprof_captures_ended",
            "Ended captures, by state and reason code.",
            ["state", "reason"],
            registry=registry,
        )
        self.recordings_started = Counter(
            "alertprof_recordings_started", "Recordings begun, by profiler.", ["profiler"], registry=registry
        )
        self.recording_seconds = Histogram(
            "alertprof_recording_seconds",
            "From the start of a recording to its end.",
            buckets=SLOW,
            registry=registry,
        )
        self.artifact_bytes = Counter(
            "alertprof_artifact_bytes", "Bytes of files brought home, by artifact kind.", ["kind"], registry=registry
        )
        self.findings = Counter(
            "alertprof_findings",
            "Findings of ended captures, by code and severity.",
            ["code", "severity"],
            registry=registry,
        )
        self.harm = Counter(
            "alertprof_harm",
            "Processes that ended within seconds of our signal, by signal.",
            ["signal"],
            registry=registry,
        )

    def _define_state(self, registry: CollectorRegistry) -> None:
        self.removed_bytes = Counter(
            "alertprof_retention_removed_bytes", "Bytes of files that retention removed.", registry=registry
        )
        self.blocked = Gauge(
            "alertprof_blocked_executables", "Executables that are not signalled any more.", registry=registry
        )
        self.captures = Gauge("alertprof_captures", "Captures in the ledger, by state.", ["state"], registry=registry)
        self.store_free = Gauge(
            "alertprof_store_free_bytes", "Room where artifacts are kept, in bytes.", registry=registry
        )
        self.reload_successful = Gauge(
            "alertprof_config_last_reload_successful",
            "1 if the configuration was taken when it was read last, 0 if an earlier one stayed.",
            registry=registry,
        )
        self.reload_seconds = Gauge(
            "alertprof_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read.",
            registry=registry,
        )
        build = Gauge(
            "alertprof_build_info", "1, with the versions as labels.", ["version", "python"], registry=registry
        )
        build.labels(version("alertprof"), python_version()).set(1)

    def _define_notifications(self, registry: CollectorRegistry) -> None:
        self.notifications = Counter(
            "alertprof_notifications",
            "Notices of ended captures, by notifier, its kind, and outcome of each attempt.",
            ["notifier", "kind", "outcome"],
            registry=registry,
        )
        self.notification_seconds = Histogram(
            "alertprof_notification_seconds", "Of a delivery.", ["kind"], buckets=SLOW, registry=registry
        )
        self.notifications_waiting = Gauge(
            "alertprof_notifications_waiting", "Notices that wait to be delivered.", ["notifier"], registry=registry
        )

    def show_notices(self, counts: Mapping[str, int], names: Iterable[str]) -> None:
        """Sets how many notices wait for each of these notifiers."""
        self.notifications_waiting.clear()
        for name in names:
            self.notifications_waiting.labels(name).set(counts.get(name, 0))

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
        if capture.started_at and capture.stopped_at:
            self.recording_seconds.observe((capture.stopped_at - capture.started_at).total_seconds())

    def show_captures(self, counts: Mapping[State, int]) -> None:
        """Sets the number of captures in each state for the next scrape."""
        for state in State:
            self.captures.labels(state.value).set(counts.get(state, 0))

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)

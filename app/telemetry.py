"""What the service tells of its work: metrics, log lines, traces and audit log. Wired by main.py."""

from collections.abc import Callable, Sequence

import structlog

from app.audit import AuditLog
from app.errors import Reason
from app.gate.observer import Observer
from app.metrics import Metrics
from app.model import Capture, Step
from app.profilers import harm
from app.profilers.base import SWITCH_FIRED
from app.traces import Traces

log = structlog.get_logger()


class Telemetry:
    """Thread-safe. traces: None where they go nowhere."""

    def __init__(self, metrics: Metrics, audit: AuditLog, traces: Traces | None) -> None:
        self.metrics, self.audit, self.traces = metrics, audit, traces
        self.observer = Observer(self.login, self.request, self.tunnel)
        self.on_ended: Callable[[Capture], None] = lambda capture: None
        """Called by a worker's thread with each capture that has ended; it has to return at once."""

    def login(self, host: str, user: str, seconds: float, obstacle: Reason | None) -> None:
        """As Observer.login."""
        self.metrics.login(seconds, obstacle)
        outcome = obstacle.code.value if obstacle else "succeeded"
        self.audit.write("login", host=host, user=user, outcome=outcome, message=obstacle and obstacle.message)

    def request(self, host: str, verb: str, words: Sequence[str]) -> None:
        """As Observer.request."""
        self.metrics.gate_requests.labels(verb).inc()
        self.audit.write("verb", host=host, verb=verb, words=" ".join(words))

    def tunnel(self, host: str, address: str, port: int) -> None:
        """As Observer.tunnel."""
        self.audit.write("tunnel", host=host, address=address, port=port)

    def reloaded(self, obstacle: str | None) -> None:
        """The configuration was read anew. obstacle: why it was not taken."""
        outcome = "the earlier one stays" if obstacle else "taken"
        self.audit.write("reload", outcome=outcome, message=obstacle)

    def stepped(self, before: Capture, after: Capture, seconds: float) -> None:
        """A worker took a capture one step further."""
        self.metrics.stepped(before.step, seconds)
        for event in after.timeline[len(before.timeline) :]:
            if event.message.startswith(SWITCH_FIRED):
                self.metrics.switches_fired.inc()
            log.info("capture", capture_id=after.id, state=after.state.value, step=event.step, message=event.message)
        if before.step is Step.START and after.step is Step.WAIT:
            self.metrics.recordings_started.labels(after.profiler).inc()
        if (signal_sent := harm.signal_of(after)) and not harm.signal_of(before):
            self.metrics.harm.labels(signal_sent).inc()
        for artifact in set(after.artifacts) - set(before.artifacts):
            self.metrics.artifact_bytes.labels(artifact.kind.value).inc(artifact.size)
        if after.state.ended:
            self.metrics.ended(after)
            self.on_ended(after)
            if self.traces:
                self.traces.ended(after)

    def close(self) -> None:
        """The service has stopped."""
        self.audit.write("stopped")
        if self.traces:
            self.traces.close()

"""A notification for tests: only what a test is about has to be said."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.errors import Code, Reason
from app.model import Artifact, Capture, Finding, Kind, State, Target, Trigger
from app.notifiers.base import Notification
from app.web.api.schemas.notification import notification_out

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ID = "019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11"
CPU = Artifact("orders-7-cpu-20261123T120000Z.pprof", Kind.CPU, 7, "ab" * 32)
TRACE = Artifact("orders-7-20261123T120000Z.trace", Kind.TRACE, 7, "cd" * 32)


def captured(labels: Mapping[str, str] | None = None, *titles: str, **fields: Any) -> Capture:
    """A completed capture of an alert."""
    trigger = Trigger("alert", {"alertname": "HighCPU", **(labels or {})}, "8a3e2b1c4d5f6071", {}, NOON)
    capture = Capture(
        ID,
        NOON,
        trigger,
        rule="orders",
        target=Target("10.0.0.5", 7, "orders", "/srv/orders"),
        started_at=NOON,
        stopped_at=NOON + timedelta(seconds=30),
        artifacts=(CPU, TRACE),
        findings=tuple(Finding("warning", title, "…") for title in titles),
    )
    return replace(capture.ended(State.COMPLETED, NOON + timedelta(seconds=31)), **fields)


def failed() -> Capture:
    return captured().ended(State.FAILED, NOON, Reason(Code.HOST_UNREACHABLE, "10.0.0.5 does not answer"))


def told(capture: Capture | None = None) -> Notification:
    one = capture or captured()
    document = notification_out(one, f"{one.id}/it", "https://alertprof.example.com").model_dump(mode="json")
    return Notification(f"{one.id}/it", one, document, lambda artifact: iter([artifact.name[:7].encode()]))

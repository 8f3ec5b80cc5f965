"""The message of Alertmanager's webhook: its shape on the wire, and the model's Alert made of it. Pure.

The shape is Alertmanager's `webhook.Message` (notify/webhook/webhook.go, template/template.go), 0.20 to 0.35. What
older versions lack is optional; what newer versions add is ignored. body.py parses it.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.model import Alert

MAX_ALERTS = 10_000
MOST_LABELS = 256
FINGERPRINT = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
MAX_LEFT_OUT = 1_000_000  # more than any Alertmanager holds; a larger count is cut to this

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
LabelValue = Annotated[str, StringConstraints(max_length=16_384)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=MOST_LABELS)]
Text = Annotated[str, StringConstraints(max_length=65_536)]
Annotations = Annotated[dict[LabelName, Text], Field(max_length=256)]


class BadMessage(ValueError):
    """The body is no message of the webhook. The text is a sentence that says why."""


class NotJson(BadMessage):
    """The body is no JSON at all."""


class TooManyAlerts(BadMessage):
    """The message has more than MAX_ALERTS alerts."""


class WireAlert(BaseModel):
    """One alert as Alertmanager writes it."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["firing", "resolved"] | None = None
    labels: Labels
    annotations: Annotations | None = None
    startsAt: datetime
    endsAt: datetime | None = None
    generatorURL: Text | None = None
    fingerprint: Annotated[str, StringConstraints(pattern=f"^{FINGERPRINT.pattern}$")] | None = None


class InvalidAlert(WireAlert):
    """An alert that cannot be captured, and why. salvage.py makes it of the valid parts."""

    startsAt: datetime | None  # type: ignore[assignment]
    fault: str


class Message(BaseModel):
    """The body of a notification. Only `alerts` is required; the rest serves the log, and the query for alerts that the
    message left out."""

    model_config = ConfigDict(extra="ignore")

    alerts: Annotated[list[WireAlert], Field(max_length=MAX_ALERTS)]
    status: Literal["firing", "resolved"] = "firing"
    receiver: str = ""
    groupKey: str = ""
    groupLabels: dict[str, str] = {}
    truncatedAlerts: int = 0

    @property
    def left_out(self) -> int:
        """How many alerts of the group are not in the message (max_alerts)."""
        return min(max(self.truncatedAlerts, 0), MAX_LEFT_OUT)


def to_alert(wire: WireAlert, status: str) -> Alert:
    """The model's alert. status: the message's, for an alert that has none. Raises OverflowError for a start that lies
    beyond the calendar."""
    return Alert(
        fingerprint=wire.fingerprint or fingerprint(wire.labels),
        firing=(wire.status or status) == "firing",
        labels=wire.labels,
        annotations=wire.annotations or {},
        starts_at=wire.startsAt and utc(wire.startsAt),
        ends_at=end(wire.endsAt),
        generator_url=wire.generatorURL or "",
        fault=wire.fault if isinstance(wire, InvalidAlert) else "",
    )


def end(moment: datetime | None) -> datetime | None:
    """When the alert ended; None if it has not. Go's zero time (year 1) and a time beyond the calendar mean None."""
    try:
        return utc(moment) if moment and moment.year > 1 else None
    except OverflowError:
        return None


def utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken to be in UTC. Raises OverflowError beyond the calendar."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def fingerprint(labels: dict[str, str]) -> str:
    """Alertmanager's fingerprint of these labels, 16 hexadecimal digits (model.LabelSet.Fingerprint: FNV-1a of the
    labels in the order of their names). An alert without a fingerprint gets the same one as the alert with it."""
    digest = 0xCBF29CE484222325
    for name in sorted(labels, key=str.encode):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"

"""The body of Alertmanager's webhook: its wire shape, and the alerts in it as the house knows them. Pure.

The shape is Alertmanager's `webhook.Message` (notify/webhook/webhook.go, template/template.go), 0.20 to 0.35; what
older versions lack is optional and what newer ones add is ignored. A body as it should be is read in one go. Any other
is taken apart by salvage.py, so that an odd alert costs itself alone: it has a `fault` then, and becomes a skipped row.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.model import Alert

MAX_ALERTS = 10_000
MOST_LABELS = 256
FINGERPRINT = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
MAX_LEFT_OUT = 1_000_000  # more than any Alertmanager holds; what says more counts as so many

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
LabelValue = Annotated[str, StringConstraints(max_length=16_384)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=MOST_LABELS)]
Text = Annotated[str, StringConstraints(max_length=65_536)]
Annotations = Annotated[dict[LabelName, Text], Field(max_length=256)]


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


class OddAlert(WireAlert):
    """One that cannot be taken, and why. salvage.py makes it, of what is sound in it."""

    startsAt: datetime | None  # type: ignore[assignment]
    fault: str


class Message(BaseModel):
    """The body of a notification. Only `alerts` is needed; the rest is for the log and for what was left out."""

    model_config = ConfigDict(extra="ignore")

    alerts: Annotated[list[WireAlert], Field(max_length=MAX_ALERTS)]
    status: Literal["firing", "resolved"] = "firing"
    receiver: str = ""
    groupKey: str = ""
    groupLabels: dict[str, str] = {}
    truncatedAlerts: int = 0

    @property
    def left_out(self) -> int:
        """So many alerts of the group are not in the message (max_alerts)."""
        return min(max(self.truncatedAlerts, 0), MAX_LEFT_OUT)


def to_alert(wire: WireAlert, status: str) -> Alert:
    """`status`: the message's, for an alert that says none. Raises OverflowError for a start beyond the calendar."""
    return Alert(
        fingerprint=wire.fingerprint or fingerprint(wire.labels),
        firing=(wire.status or status) == "firing",
        labels=wire.labels,
        annotations=wire.annotations or {},
        starts_at=wire.startsAt and utc(wire.startsAt),
        ends_at=end(wire.endsAt),
        generator_url=wire.generatorURL or "",
        fault=wire.fault if isinstance(wire, OddAlert) else "",
    )


def end(moment: datetime | None) -> datetime | None:
    """Year 1 is Go's zero time: not ended. So is a time beyond the calendar."""
    try:
        return utc(moment) if moment and moment.year > 1 else None
    except OverflowError:
        return None


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def fingerprint(labels: dict[str, str]) -> str:
    """As Alertmanager makes it (model.LabelSet.Fingerprint: FNV-1a of the labels in the order of their names), so that
    an alert whose sender gives none falls on the same episode as one whose sender does."""
    digest = 0xCBF29CE484222325
    for name in sorted(labels, key=str.encode):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"

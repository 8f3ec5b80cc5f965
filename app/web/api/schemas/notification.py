"""The JSON that the notifier `webhook` sends. docs/notification.schema.json is made of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.model import Capture
from app.web.api import examples
from app.web.api.schemas.capture import CaptureOut, capture_out

VERSION = "1"
EXAMPLE: dict[str, JsonValue] = {
    "version": VERSION,
    "key": f"{examples.ID}/oncall",
    "event": "completed",
    "link": f"https://alertprof.example.com/ui/captures/{examples.ID}",
    "alert_link": "https://alertprof.example.com/alerts/8a3e2b1c4d5f6071",
    "capture": examples.CAPTURE,
}


class NotificationOut(BaseModel):
    """A capture has ended. Fields may be added within a version; what is here keeps its meaning."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    version: Annotated[Literal["1"], Field(description="of this description")]
    key: Annotated[str, Field(description="the same each time that this notification comes; also the Idempotency-Key")]
    event: Annotated[Literal["completed", "failed"], Field(description="the state in which the capture ended")]
    link: Annotated[str, Field(description="the page of the capture")]
    alert_link: Annotated[str | None, Field(description="the page of the alert; null where no alert asked for it")]
    capture: Annotated[CaptureOut, Field(description="as GET /captures/{id} answers it, without its notices")]


def notification_out(capture: Capture, key: str, external_url: str) -> NotificationOut:
    """The notification about a capture that has ended. external_url: how people reach the service."""
    fingerprint = capture.trigger.fingerprint
    return NotificationOut(
        version=VERSION,
        key=key,
        event="completed" if capture.state.value == "completed" else "failed",
        link=f"{external_url}/ui/captures/{capture.id}",
        alert_link=f"{external_url}/alerts/{fingerprint}" if fingerprint else None,
        capture=capture_out(capture),
    )

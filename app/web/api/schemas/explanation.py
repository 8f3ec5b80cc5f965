"""Messages of the webhook, and what would become of their alerts, as the API shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class MessageOut(BaseModel):
    """One message that the webhook took. `size`: bytes; `created`, `known`, `skipped`: how many of its alerts led to a
    new capture, were repeats, led to none."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    received_at: datetime
    size: int
    alerts: int
    about: Annotated[str, Field(description="the alerts' names, shortened")]
    created: int
    known: int
    skipped: int
    left_out: Annotated[int, Field(description="alerts that are not in it (Alertmanager's max_alerts)")]
    href: Annotated[str | None, Field(description="where the message is, as it came; null: too large to be kept")]


class MessagesOut(BaseModel):
    """The last messages, newest first."""

    messages: list[MessageOut]


class LineOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    mark: Annotated[str, Field(description="ok: it leads on; no: it ends here; empty: a fact")]
    text: str


class SectionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    title: str
    lines: list[LineOut]


class ExplanationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    alertname: str
    fingerprint: str
    labels: Mapping[str, str]
    would: Annotated[bool, Field(description="it leads to a capture")]
    verdict: str
    sections: list[SectionOut]


class ExplainedOut(BaseModel):
    """What would become of each alert. `would`: every one leads to a capture; `left_out`: not explained."""

    model_config = ConfigDict(from_attributes=True)

    would: bool
    alerts: list[ExplanationOut]
    left_out: int

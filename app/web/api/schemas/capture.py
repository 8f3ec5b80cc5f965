"""A capture as the API shows it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.errors import Code
from app.ledger.outcomes import Told
from app.model import Artifact, Capture, Kind, State, Trigger


class ReasonOut(BaseModel):
    code: Code
    message: str


class AlertTriggerOut(BaseModel):
    kind: Literal["alert"]
    fingerprint: str
    alertname: str
    starts_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str
    resolved_at: datetime | None


class ManualTriggerOut(BaseModel):
    kind: Literal["manual"]
    by: str
    note: str


class TargetOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    host: str
    pid: int | None
    service: str
    exe: str
    cmdline: str
    started_at: datetime | None
    container: str | None
    unit: str | None
    go_version: str | None
    gozero_version: str | None
    resolved_by: str


class EventOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    step: str
    message: str


class ArtifactOut(BaseModel):
    name: str
    kind: Kind
    size: int
    sha256: str
    href: str


class FindingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    severity: str
    title: str
    detail: str
    kind: str
    functions: tuple[str, ...]
    code: Annotated[str, Field(description="for programs; empty where nothing has to tell it from others")] = ""
    path: Annotated[tuple[str, ...], Field(description="the calls from an entry point to the function")] = ()
    refuted_by: Annotated[str, Field(description="what would show that it is none")] = ""
    helps: Annotated[str, Field(description="what usually helps")] = ""


class CaptureOut(BaseModel):
    """One capture, as the contract shows it."""

    id: str
    state: State
    reason: ReasonOut | None
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    ended_at: datetime | None
    trigger: Annotated[AlertTriggerOut | ManualTriggerOut, Field(discriminator="kind")]
    rule: str
    target: TargetOut | None
    profiler: str
    timeline: list[EventOut]
    artifacts: list[ArtifactOut]
    findings: list[FindingOut]
    labels: Mapping[str, str]
    pinned: Annotated[bool, Field(description="retention leaves it alone")] = False
    baseline: Annotated[bool, Field(description="others of its service are compared with it")] = False
    due_at: Annotated[datetime | None, Field(description="when it is looked at next; null once it has ended")] = None


class NoticeOut(BaseModel):
    """Whether a notifier was told of the capture's end."""

    model_config = ConfigDict(from_attributes=True)

    notifier: Annotated[str, Field(description="its name in the configuration")]
    state: Annotated[str, Field(description="waiting, delivered, failed or dropped")]
    at: Annotated[datetime, Field(description="of the last attempt; before the first one, since when it waits")]
    message: Annotated[str, Field(description="why the last attempt failed; empty if it did not")]
    due_at: Annotated[datetime | None, Field(description="when it is tried next; null if it is not")]


class OneCaptureOut(CaptureOut):
    """A capture with who was told of its end."""

    notices: list[NoticeOut]


class CapturesOut(BaseModel):
    """A page of captures, newest first."""

    captures: list[CaptureOut]
    next: Annotated[str | None, Field(description="the cursor of the next page; null on the last")]


def capture_out(capture: Capture) -> CaptureOut:
    """The capture as the API shows it."""
    return CaptureOut(
        id=capture.id,
        state=capture.state,
        reason=ReasonOut(code=capture.reason.code, message=capture.reason.message) if capture.reason else None,
        created_at=capture.created_at,
        started_at=capture.started_at,
        stopped_at=capture.stopped_at,
        ended_at=capture.ended_at,
        trigger=_trigger(capture.trigger, capture.resolved_at),
        rule=capture.rule,
        target=TargetOut.model_validate(capture.target) if capture.target else None,
        profiler=capture.profiler,
        timeline=[EventOut.model_validate(event) for event in capture.timeline],
        artifacts=[_artifact(capture.id, artifact) for artifact in capture.artifacts],
        findings=[FindingOut.model_validate(finding) for finding in capture.findings],
        labels=dict(capture.labels),
        pinned=capture.pinned,
        baseline=capture.baseline,
        due_at=capture.due_at,
    )


def one_capture_out(capture: Capture, told: Iterable[Told]) -> OneCaptureOut:
    """The capture with its notices."""
    notices = [NoticeOut.model_validate(each) for each in told]
    return OneCaptureOut(**dict(capture_out(capture)), notices=notices)


def href(capture_id: str, name: str) -> str:
    """The path at which an artifact is downloaded."""
    return f"/captures/{capture_id}/artifacts/{name}"


def _artifact(capture_id: str, a: Artifact) -> ArtifactOut:
    return ArtifactOut(name=a.name, kind=a.kind, size=a.size, sha256=a.sha256, href=href(capture_id, a.name))


def _trigger(trigger: Trigger, resolved_at: datetime | None) -> AlertTriggerOut | ManualTriggerOut:
    if trigger.kind == "manual":
        return ManualTriggerOut(kind="manual", by=trigger.by, note=trigger.note)
    return AlertTriggerOut(
        kind="alert",
        fingerprint=trigger.fingerprint or "",
        alertname=trigger.alertname,
        starts_at=trigger.starts_at,
        labels=dict(trigger.labels),
        annotations=dict(trigger.annotations),
        generator_url=trigger.generator_url,
        resolved_at=resolved_at,
    )

"""The JSON of the API: what comes in, checked strictly, and what goes out, as the contract shows a capture."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.analysis.tree import Tree
from app.errors import Refused
from app.hosts.names import plain
from app.model import Artifact, Capture, Trigger
from app.web import durations
from app.web.api import examples

WAYS = ("pid", "process", "port", "unit", "container")
OURS = frozenset({"host", "pid", "process", "instance", "groupname", "name", "unit", "id", "node"})
OURS |= {"container_id", "container_name", "pod", "exported_pod"}


def host_grammar(host: str) -> str:
    """The host's name or address in its one form. Raises ValueError with a sentence for anything else."""
    try:
        return plain(host)
    except Refused as refusal:
        raise ValueError(refusal.reason.message) from None


def printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed here")
    return text


def recording_time(text: str) -> str:
    durations.recording(text)
    return text


Word = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(printable)]


class CaptureRequest(BaseModel):
    """What POST /capture takes: a host, one way to say which process, and how."""

    model_config = ConfigDict(extra="forbid", strict=True)

    host: Annotated[str, AfterValidator(host_grammar), Field(description="as known_hosts names it")]
    pid: Annotated[int, Field(ge=2, le=4_194_304)] | None = None
    process: Annotated[Word, Field(description="the exact name or path of the executable")] | None = None
    port: Annotated[int, Field(ge=1, le=65_535, description="the process that listens on it")] | None = None
    unit: Annotated[Word, Field(description="the main process of that systemd unit")] | None = None
    container: (
        Annotated[Word, Field(description="by id (12 digits suffice), or by the name in Docker or Podman")] | None
    ) = None
    duration: Annotated[
        str,
        AfterValidator(recording_time),
        Field(description="1s to 10m; a go-zero that stops by itself (from v1.6.1 on) always takes 60s"),
    ] = "30s"
    profiler: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")] = "auto"
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    labels: Annotated[dict[Word, Annotated[str, StringConstraints(max_length=1024)]], Field(max_length=64)] = {}

    @model_validator(mode="after")
    def one_way(self) -> Self:
        given = [way for way in WAYS if getattr(self, way) is not None]
        if len(given) != 1:
            ways = f"{', '.join(WAYS[:-1])} and {WAYS[-1]}"
            raise ValueError(f"give exactly one of {ways}; this has {' and '.join(given) or 'none'}")
        if clash := sorted(name for name in self.labels if name in OURS or name.startswith("container_label_")):
            raise ValueError(
                f"the label {clash[0]} would say which process it is; say that with host and {', '.join(WAYS)}"
            )
        return self

    def target_labels(self) -> dict[str, str]:
        """The labels by which the resolvers find the process."""
        if self.pid is not None:
            return {"host": self.host, "pid": str(self.pid)}
        if self.port is not None:
            return {"instance": f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"}
        if self.unit is not None:
            return {"host": self.host, "unit": self.unit if "." in self.unit else f"{self.unit}.service"}
        if self.container is not None:
            by_id = re.fullmatch(r"[0-9a-f]{12,64}", self.container, re.ASCII)
            return {"host": self.host, "container_id" if by_id else "container_name": self.container}
        return {"host": self.host, "process": self.process or ""}


class ReasonOut(BaseModel):
    code: str
    message: str


class AlertTriggerOut(BaseModel):
    kind: Literal["alert"] = "alert"
    fingerprint: str
    alertname: str
    starts_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str
    resolved_at: datetime | None


class ManualTriggerOut(BaseModel):
    kind: Literal["manual"] = "manual"
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


class EntryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    step: str
    message: str


class ArtifactOut(BaseModel):
    name: str
    kind: str
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


class CaptureOut(BaseModel):
    """One capture, as the contract shows it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CAPTURE]})

    id: str
    state: str
    reason: ReasonOut | None
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    ended_at: datetime | None
    trigger: Annotated[AlertTriggerOut | ManualTriggerOut, Field(discriminator="kind")]
    rule: str
    target: TargetOut | None
    profiler: str
    timeline: list[EntryOut]
    artifacts: list[ArtifactOut]
    findings: list[FindingOut]
    labels: Mapping[str, str]
    pinned: Annotated[bool, Field(description="retention leaves it alone")] = False
    due_at: Annotated[datetime | None, Field(description="when it is looked at next; null once it has ended")] = None


class CapturesOut(BaseModel):
    """A page of captures, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CAPTURES]})

    captures: list[CaptureOut]
    next: Annotated[str | None, Field(description="the cursor of the next page; null on the last")]


class RowOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    flat: int
    flat_percent: float
    sum_percent: float
    cum: int
    cum_percent: float
    function: str


class TopOut(BaseModel):
    """Values in `unit`; percentages of `total`; `shown_in` is the unit in which pprof would print them."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.TOP]})

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    shown_in: str
    total: int
    duration_seconds: float | None
    rows: tuple[RowOut, ...]


class FrameOut(BaseModel):
    """A function on its path from the root. `value`: with everything it called; `self`: its own."""

    name: str
    value: int
    self: int
    children: Annotated[list["FrameOut"], Field(description='the largest first; "(other)" are those too small to name')]


class FlameGraphOut(BaseModel):
    """The call tree, of a bounded number of functions; values in `unit`, without their sign."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FLAME_GRAPH]})

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    total: int
    duration_seconds: float | None
    root: FrameOut


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

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MESSAGES]})

    messages: list[MessageOut]


class LineOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    mark: Annotated[str, Field(description="ok: it leads on; no: it ends here; empty: just told")]
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
    """What would become of each alert. `would`: every one leads to a capture; `left_out`: so many more are not told."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.EXPLAINED]})

    would: bool
    alerts: list[ExplanationOut]
    left_out: int


class BlockedOut(BaseModel):
    """An executable that is not signalled any more, and what a signal did to a process of it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.BLOCKED]})

    id: str
    build: Annotated[str, Field(description="what it is known by: a build id or a checksum")]
    exe: str
    host: str
    pid: int
    capture: Annotated[str, Field(description="whose signal it was")]
    at: datetime
    signal: str
    message: str


class BlockedExecutablesOut(BaseModel):
    """All of them, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"blocked": [examples.BLOCKED]}]})

    blocked: list[BlockedOut]


class PausedOut(BaseModel):
    """Whether captures are started, and since when not."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PAUSED]})

    paused: bool
    detail: str


def flame_graph(tree: Tree) -> dict[str, Any]:
    """A FlameGraphOut. Plain, because pydantic's models are not written as deep as call stacks go."""
    made: list[dict[str, Any]] = []
    for node in tree.nodes:
        made.append({"name": node.name, "value": node.value, "self": node.self, "children": []})
        if node.parent >= 0:
            made[node.parent]["children"].append(made[-1])
    return {
        "kind": tree.kind,
        "sample_type": tree.sample_type,
        "sample_types": tree.sample_types,
        "unit": tree.unit,
        "total": tree.total,
        "duration_seconds": tree.duration_seconds,
        "root": made[0],
    }


def shown(capture: Capture) -> CaptureOut:
    return CaptureOut(
        id=capture.id,
        state=capture.state.value,
        reason=ReasonOut(code=capture.reason.code, message=capture.reason.message) if capture.reason else None,
        created_at=capture.created_at,
        started_at=capture.started_at,
        stopped_at=capture.stopped_at,
        ended_at=capture.ended_at,
        trigger=_trigger(capture.trigger, capture.resolved_at),
        rule=capture.rule,
        target=TargetOut.model_validate(capture.target) if capture.target else None,
        profiler=capture.profiler,
        timeline=[EntryOut.model_validate(event) for event in capture.timeline],
        artifacts=[_artifact(capture.id, artifact) for artifact in capture.artifacts],
        findings=[FindingOut.model_validate(finding) for finding in capture.findings],
        labels=dict(capture.labels),
        pinned=capture.pinned,
        due_at=capture.due_at,
    )


def href(capture_id: str, name: str) -> str:
    return f"/captures/{capture_id}/artifacts/{name}"


def _artifact(capture_id: str, a: Artifact) -> ArtifactOut:
    return ArtifactOut(name=a.name, kind=a.kind.value, size=a.size, sha256=a.sha256, href=href(capture_id, a.name))


def _trigger(trigger: Trigger, resolved_at: datetime | None) -> AlertTriggerOut | ManualTriggerOut:
    if trigger.kind == "manual":
        return ManualTriggerOut(by=trigger.by, note=trigger.note)
    return AlertTriggerOut(
        fingerprint=trigger.fingerprint or "",
        alertname=trigger.alertname,
        starts_at=trigger.starts_at,
        labels=dict(trigger.labels),
        annotations=dict(trigger.annotations),
        generator_url=trigger.generator_url,
        resolved_at=resolved_at,
    )

"""POST /webhook: Alertmanager's wire shape, made durable, answered with 202.

Registered by app/asgi.py as a bare ASGI route: FastAPI's own handling of a request costs more than everything here.
The shape is Alertmanager's `webhook.Message` (notify/webhook/webhook.go, template/template.go), 0.20 to 0.34; what
older versions lack is optional and what newer ones add is ignored. Alertmanager tries a 5xx again and writes the body
of a refusal into its log; any 4xx is final.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from hashlib import sha256
from time import perf_counter
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.exceptions import HTTPException

from app.ledger.arrivals import Receipt
from app.ledger.database import LedgerUnavailable
from app.metrics import Metrics
from app.model import Alert

MAX_BODY = 8 * 1024 * 1024
MAX_ALERTS = 10_000
LARGE = 256 * 1024  # from here on validation would keep the event loop for milliseconds
REMEDY = "set max_alerts in Alertmanager's webhook_config, or group by more labels."
REFUSALS = {"400": "No JSON", "413": "Too large", "422": "No such message", "503": "Nothing recorded, send it again"}
EXAMPLE = {
    "status": "firing",
    "labels": {"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq", "severity": "critical"},
    "annotations": {"summary": "order-mq burns a core"},
    "startsAt": "2026-11-23T22:40:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.com/graph",
    "fingerprint": "8a3e2b1c4d5f6071",
}
ANSWER = {
    "captures": ["019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11"],
    "known": [],
    "skipped": [{"fingerprint": "51c9b0f7a1d2e3f4", "reason": {"code": "no_rule", "message": "none of the 3 rules …"}}],
}

log = structlog.get_logger(__name__)

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
LabelValue = Annotated[str, StringConstraints(max_length=16_384)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=256)]


class WireAlert(BaseModel):
    """One alert as Alertmanager writes it."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["firing", "resolved"] | None = None
    labels: Labels
    annotations: dict[str, str] | None = None
    startsAt: datetime
    endsAt: datetime | None = None
    generatorURL: str | None = None
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")] | None = None


class Message(BaseModel):
    """The body of a notification. Only `alerts` is needed; the rest is for the log."""

    model_config = ConfigDict(extra="ignore")

    alerts: Annotated[list[WireAlert], Field(max_length=MAX_ALERTS)]
    status: Literal["firing", "resolved"] = "firing"
    receiver: str = ""
    groupKey: str = ""
    truncatedAlerts: int = 0


Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class Webhook:
    """The route, as an ASGI application. `record` is Ledger.receive: its future is done once all is durable."""

    def __init__(self, record: Callable[[Sequence[Alert], bytes], Future[Receipt]], metrics: Metrics) -> None:
        self.record, self.metrics = record, metrics
        self.firing = metrics.webhook_alerts.labels("firing")
        self.resolved = metrics.webhook_alerts.labels("resolved")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """202 with the receipt. Raises HTTPException: 400, 413, 422 for what is no message, 503 for what may pass."""
        began = perf_counter()
        try:
            receipt = await self.take(await read(receive))
        except HTTPException as refused:
            self.metrics.webhook_messages.labels("refused" if refused.status_code < 500 else "unrecorded").inc()
            log.warning("webhook refused", status=refused.status_code, reason=plain(refused.detail))
            raise
        self.metrics.webhook_messages.labels("recorded").inc()
        self.metrics.webhook_seconds.observe(perf_counter() - began)
        await answer(send, told(receipt))

    async def take(self, body: bytes) -> Receipt:
        message = await asyncio.to_thread(parse, body) if len(body) > LARGE else parse(body)
        alerts = to_alerts(message)
        try:
            receipt = await asyncio.wrap_future(self.record(alerts, body))
        except LedgerUnavailable as error:
            raise HTTPException(503, f"Nothing was recorded, send this message again: {error}") from error
        self.note(message, alerts, receipt)
        return receipt

    def note(self, message: Message, alerts: Sequence[Alert], receipt: Receipt) -> None:
        firing = sum(alert.firing for alert in alerts)
        self.firing.inc(firing)
        self.resolved.inc(len(alerts) - firing)
        news = receipt.created or receipt.skipped or firing < len(alerts)
        (log.info if news else log.debug)(  # a line costs as much as everything else here, and repeats come for ever
            "webhook",
            receiver=plain(message.receiver),
            group=plain(message.groupKey),
            firing=firing,
            resolved=len(alerts) - firing,
            truncated=message.truncatedAlerts,
            created=len(receipt.created),
            known=len(receipt.known),
            skipped=len(receipt.skipped),
            captures=",".join(receipt.created[:20]),
        )


def describe(openapi: dict[str, Any]) -> None:
    """Adds the route to an OpenAPI document."""
    shape = Message.model_json_schema(ref_template="#/components/schemas/{model}")
    openapi.setdefault("components", {}).setdefault("schemas", {}).update(shape.pop("$defs"))
    example = {"version": "4", "status": "firing", "receiver": "alertprof", "alerts": [EXAMPLE]}
    body = {"schema": shape, "examples": {"one firing alert": {"value": example}}}
    refusals = {
        code: {"description": why, "content": {"application/problem+json": {}}} for code, why in REFUSALS.items()
    }
    openapi["paths"]["/webhook"] = {
        "post": {
            "tags": ["webhook"],
            "summary": "Alertmanager's webhook, version 4",
            "description": "202 once everything is durably recorded; 503 when nothing was, so that it comes again.",
            "operationId": "webhook",
            "requestBody": {"required": True, "content": {"application/json": body}},
            "responses": {
                "202": {"description": "Recorded", "content": {"application/json": {"example": ANSWER}}},
                **refusals,
            },
        }
    }


async def read(receive: Receive) -> bytes:
    """The whole body. Raises HTTPException: 413 beyond the bound, 400 when the sender goes away in the middle."""
    first = await receive()
    if first["type"] == "http.request" and not first.get("more_body"):
        body: bytes = first.get("body", b"")
        bound(len(body))
        return body
    parts, event = bytearray(first.get("body", b"")), first
    while event["type"] == "http.request" and event.get("more_body"):
        event = await receive()
        parts += event.get("body", b"")
        bound(len(parts))
    if event["type"] == "http.disconnect":
        raise HTTPException(400, "The sender went away in the middle of the body.")
    return bytes(parts)


def bound(size: int) -> None:
    if size > MAX_BODY:
        raise HTTPException(413, f"The message is larger than {MAX_BODY} bytes; {REMEDY}")


def parse(body: bytes) -> Message:
    """The message in this body. Raises HTTPException: 400 for no JSON, 422 for another shape, 413 for too many alerts.

    A NUL character is legal in a label's value and unknown to PostgreSQL's text; it is replaced here.
    """
    try:
        return Message.model_validate_json(body.replace(rb"\u0000", rb"\ufffd"))
    except ValidationError as error:
        raise refusal(error) from error


def refusal(error: ValidationError) -> HTTPException:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    first = faults[0]
    if first["type"] == "json_invalid":
        return HTTPException(400, f"The body is no JSON: {first['msg'].removeprefix('Invalid JSON: ')}.")
    if first["type"] == "too_long" and first["loc"] == ("alerts",):
        return HTTPException(413, f"The message has more than {MAX_ALERTS} alerts; {REMEDY}")
    listed = "; ".join(f"{'.'.join(map(str, f['loc'])) or 'the body'}: {f['msg']}" for f in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return HTTPException(422, plain(f"This is no message of Alertmanager's webhook: {listed}{more}", 1000))


def alerts_in(body: bytes, now: datetime) -> list[Alert]:
    """The alerts of a message that a person gives, who may also give one alert alone, or its labels alone, as they
    stand in a page of Prometheus. Raises HTTPException as parse and to_alerts do."""
    return to_alerts(parse(as_message(body, now)))


def as_message(body: bytes, now: datetime) -> bytes:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(said, dict) or not said or "alerts" in said:
        return body
    alert = said if isinstance(said.get("labels"), dict) else {"labels": said}
    return json.dumps({"alerts": [{"startsAt": now.isoformat(), **alert}]}).encode()


def to_alerts(message: Message) -> list[Alert]:
    """The alerts of a message as the house knows them. Raises HTTPException 422 for a time beyond the calendar."""
    try:
        return [_alert(wire, wire.status or message.status) for wire in message.alerts]
    except OverflowError as error:
        raise HTTPException(422, "An alert's startsAt lies beyond the calendar once it is in UTC.") from error


def _alert(wire: WireAlert, status: str) -> Alert:
    ends_at = wire.endsAt
    return Alert(
        fingerprint=wire.fingerprint or fingerprint(wire.labels),
        firing=status == "firing",
        labels=wire.labels,
        annotations=wire.annotations or {},
        starts_at=utc(wire.startsAt),
        ends_at=utc(ends_at) if ends_at and ends_at.year > 1 else None,  # year 1 is Go's zero time: not ended
        generator_url=wire.generatorURL or "",
    )


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def fingerprint(labels: dict[str, str]) -> str:
    """16 hex digits that stay the same for the same labels; for senders that give none."""
    digest = sha256()
    for name in sorted(labels):
        digest.update(f"{name}\xff{labels[name]}\xff".encode())
    return digest.hexdigest()[:16]


def told(receipt: Receipt) -> bytes:
    skipped = [
        {"fingerprint": fp, "reason": {"code": reason.code, "message": reason.message}}
        for fp, reason in receipt.skipped
    ]
    body = {"captures": receipt.created, "known": receipt.known, "skipped": skipped}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def plain(text: str, limit: int = 200) -> str:
    """`text` on one line: what a terminal would act upon is written as its escape."""
    if text.isprintable() and len(text) <= limit:
        return text
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)

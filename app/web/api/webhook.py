"""POST /webhook: Alertmanager's wire shape, made durable, answered with 202.

Registered by app/web/asgi.py as a bare ASGI route: FastAPI's own handling of a request costs more than everything here.
Alertmanager tries a 5xx again and writes the body of a refusal into its log; any 4xx is final, so only what is no
message at all is refused.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from time import perf_counter
from typing import Any

import structlog
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from app.intake.message import MAX_ALERTS, Message, WireAlert, to_alert
from app.intake.salvage import REMEDY, odd, salvaged, why
from app.ledger.arrivals import Receipt
from app.ledger.database import LedgerUnavailable
from app.metrics import Metrics
from app.model import Alert

MAX_BODY = 8 * 1024 * 1024
LARGE = 256 * 1024  # from here on validation would keep the event loop for milliseconds
REFUSALS = {
    "400": "No JSON",
    "413": f"Larger than {MAX_BODY >> 20} MiB, or more than {MAX_ALERTS} alerts",
    "422": "No alerts in it",
    "503": "Nothing recorded, send it again",
}
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

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class Webhook:
    """The route, as an ASGI application. `record` is Ledger.receive: its future is done once all is durable. `recorded`
    hears of every message then, and returns at once."""

    def __init__(
        self,
        record: Callable[[Sequence[Alert], bytes, int], Future[Receipt]],
        metrics: Metrics,
        recorded: Callable[[Message], None] = lambda message: None,
    ) -> None:
        self.record, self.metrics, self.recorded = record, metrics, recorded
        self.firing = metrics.webhook_alerts.labels("firing")
        self.resolved = metrics.webhook_alerts.labels("resolved")
        self.odd = metrics.webhook_alerts.labels("invalid")

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
        message, alerts = await asyncio.to_thread(opened, body) if len(body) > LARGE else opened(body)
        try:
            receipt = await asyncio.wrap_future(self.record(alerts, body, message.left_out))
        except LedgerUnavailable as error:
            raise HTTPException(503, f"Nothing was recorded, send this message again: {error}") from error
        self.note(message, alerts, receipt)
        self.recorded(message)
        return receipt

    def note(self, message: Message, alerts: Sequence[Alert], receipt: Receipt) -> None:
        odd = sum(bool(alert.fault) for alert in alerts)
        firing = sum(alert.firing and not alert.fault for alert in alerts)
        resolved = len(alerts) - firing - odd
        self.firing.inc(firing)
        self.resolved.inc(resolved)
        self.odd.inc(odd)
        self.metrics.webhook_left_out.inc(message.left_out)
        news = receipt.created or receipt.skipped or resolved
        (log.info if news else log.debug)(  # a line costs as much as everything else here, and repeats come for ever
            "webhook",
            receiver=plain(message.receiver),
            group=plain(message.groupKey),
            firing=firing,
            resolved=resolved,
            truncated=message.left_out,
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


def opened(body: bytes) -> tuple[Message, list[Alert]]:
    message = parse(body)
    return message, to_alerts(message)


def parse(body: bytes) -> Message:
    """The message in this body. Raises HTTPException: 400 for no JSON, 422 for what has no alerts, 413 for too many.

    A NUL character is legal in a label's value and unknown to PostgreSQL's text; it is replaced here.
    """
    try:
        return Message.model_validate_json(body.replace(rb"\u0000", rb"\ufffd"))
    except ValidationError:
        return salvaged(body)


def alerts_in(body: bytes, now: datetime) -> list[Alert]:
    """The alerts of a message that a person gives, who may also give one alert alone, or its labels alone, as they
    stand in a page of Prometheus. Raises HTTPException as parse does, and for one alert alone that cannot be taken."""
    message = as_message(body, now)
    if message is not body:
        refuse_odd(message)
    return to_alerts(parse(message))


def refuse_odd(body: bytes) -> None:
    """Whoever gives one alert alone is told at once what is wrong with it."""
    try:
        Message.model_validate_json(body)
    except ValidationError as error:
        status = 400 if error.errors()[0]["type"] == "json_invalid" else 422
        raise HTTPException(status, f"This is no alert: {why(error)}.") from error


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
    """The alerts of a message as the house knows them; one with a `fault` cannot be taken."""
    return [_alert(wire, message.status) for wire in message.alerts]


def _alert(wire: WireAlert, status: str) -> Alert:
    try:
        return to_alert(wire, status)
    except OverflowError:
        beyond = "startsAt: it lies beyond the calendar once it is in UTC"
        return to_alert(odd(wire.model_dump() | {"status": wire.status or status}, beyond), status)


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

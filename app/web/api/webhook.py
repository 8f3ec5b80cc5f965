"""POST /webhook: a message of Alertmanager is recorded durably, then answered with 202.

Registered by app/web/asgi.py as a bare ASGI route, because FastAPI's handling of a request costs more than everything
here. Alertmanager sends a message again after a 5xx, and logs the body of the answer. Any 4xx is final, so only a body
that is no message at all is refused. intake/body.py parses it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import Future
from time import perf_counter
from typing import Any

import structlog
from starlette.exceptions import HTTPException

from app.intake.body import parse_with_alerts
from app.intake.message import BadMessage, Message
from app.intake.salvage import REMEDY
from app.ledger.arrivals import Receipt
from app.ledger.faults import LedgerUnavailable, LedgerUncertain
from app.metrics import Metrics
from app.model import Alert
from app.web.api.wakes import Wakes
from app.web.problem import refused_message

MAX_BODY = 8 * 1024 * 1024
LARGE = 256 * 1024  # bytes; validating a larger body would block the event loop for milliseconds

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class Webhook:
    """The route, as an ASGI application.

    record: Ledger.receive; its future is done once everything is durable.
    recorded: called with every message after that; it has to return at once.
    """

    def __init__(
        self,
        record: Callable[[Sequence[Alert], bytes, int], Future[Receipt]],
        metrics: Metrics,
        recorded: Callable[[Message], None] = lambda message: None,
    ) -> None:
        self.record, self.metrics, self.recorded = record, metrics, recorded
        self.wakes = Wakes()
        self.taken = metrics.webhook_messages.labels("recorded")
        self.firing = metrics.webhook_alerts.labels("firing")
        self.resolved = metrics.webhook_alerts.labels("resolved")
        self.invalid = metrics.webhook_alerts.labels("invalid")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """202 with the receipt. Raises HTTPException: 400, 413, 422 for what is no message, 503 for what may pass."""
        began = perf_counter()
        try:
            receipt = await self.take(await read(receive))
        except HTTPException as refused:
            self.metrics.webhook_messages.labels("refused" if refused.status_code < 500 else "unrecorded").inc()
            log.warning("webhook refused", status=refused.status_code, reason=plain(refused.detail))
            raise
        self.taken.inc()
        self.metrics.webhook_seconds.observe(perf_counter() - began)
        await answer(send, receipt_json(receipt))

    async def take(self, body: bytes) -> Receipt:
        """Records the message in `body`. Raises HTTPException as __call__."""
        try:
            message, alerts = (
                await asyncio.to_thread(parse_with_alerts, body) if len(body) > LARGE else parse_with_alerts(body)
            )
        except BadMessage as bad:
            raise refused_message(bad) from bad
        try:
            receipt = await self.wakes.result(self.record(alerts, body, message.left_out))
        except LedgerUncertain as error:
            said = f"It is not known whether this was recorded, send this message again: {error}"
            raise HTTPException(503, said) from error
        except LedgerUnavailable as error:
            raise HTTPException(503, f"Nothing was recorded, send this message again: {error}") from error
        self.report(message, alerts, receipt)
        self.recorded(message)
        return receipt

    def report(self, message: Message, alerts: Sequence[Alert], receipt: Receipt) -> None:
        """Counts the message in the metrics and logs it."""
        invalid = sum(bool(alert.fault) for alert in alerts)
        firing = sum(alert.firing and not alert.fault for alert in alerts)
        resolved = len(alerts) - firing - invalid
        counts = (self.firing, firing), (self.resolved, resolved), (self.invalid, invalid)
        for counter, number in (*counts, (self.metrics.webhook_left_out, message.left_out)):
            if number:
                counter.inc(number)
        self.metrics.decided(
            captured=len(receipt.created),
            repeated=max(0, firing - len(receipt.created) - len(receipt.skipped) + invalid),
            skipped=(reason for _, reason in receipt.skipped),
            matched=receipt.matched,
        )
        is_news = receipt.created or receipt.skipped or resolved
        write = log.info if is_news else log.debug  # a line costs as much as all the rest, and repeats keep coming
        write(
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


async def read(receive: Receive) -> bytes:
    """The whole body. Raises HTTPException: 413 for more than MAX_BODY, 400 when the sender goes away in the middle."""
    first = await receive()
    if first["type"] == "http.request" and not first.get("more_body"):
        body: bytes = first.get("body", b"")
        check_size(len(body))
        return body
    parts, event = bytearray(first.get("body", b"")), first
    while event["type"] == "http.request" and event.get("more_body"):
        event = await receive()
        parts += event.get("body", b"")
        check_size(len(parts))
    if event["type"] == "http.disconnect":
        raise HTTPException(400, "The sender went away in the middle of the body.")
    return bytes(parts)


def check_size(size: int) -> None:
    """Raises HTTPException 413 for more than MAX_BODY bytes."""
    if size > MAX_BODY:
        raise HTTPException(413, f"The message is larger than {MAX_BODY} bytes; {REMEDY}")


def receipt_json(receipt: Receipt) -> bytes:
    """The body of a 202: ids of new captures, ids that repeats fell on, and the skipped alerts with their reasons."""
    skipped = [
        {"fingerprint": fp, "reason": {"code": reason.code, "message": reason.message}}
        for fp, reason in receipt.skipped
    ]
    body = {"captures": receipt.created, "known": receipt.known, "skipped": skipped}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


async def answer(send: Send, body: bytes) -> None:
    """Sends 202 with this JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def plain(text: str, limit: int = 200) -> str:
    """`text` on one line of at most `limit` characters. Characters that a terminal acts upon become escapes."""
    if text.isprintable() and len(text) <= limit:
        return text
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)

"""Try an alert: what would become of a message, without effect. And the last messages, to try it with.

Registered by app/web/asgi.py. The form posts to its own page and needs no script. explain/explainer.py does the work.
"""

from typing import Annotated, Any
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app.errors import Retryable
from app.explain.explanation import Explained
from app.intake.message import BadMessage
from app.ledger.ledger import Message
from app.web.api import examples
from app.web.api.manual import asker
from app.web.api.schemas.explanation import ExplainedOut, MessageOut, MessagesOut
from app.web.pages.renderer import OWN_ORIGIN, PageRenderer
from app.web.parts import Parts
from app.web.problem import refused_message

BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "examples": {
                "a message of the webhook": {"value": examples.MESSAGE},
                "one alert's labels": {"value": examples.LABELS},
            },
        }
    },
}
log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """POST /explain, GET /messages and /messages/{id}."""
    router = APIRouter(tags=["trying an alert out"])

    @router.post(
        "/explain",
        summary="What would become of a message of the webhook, without effect",
        response_model=ExplainedOut,
        openapi_extra={"requestBody": BODY},
    )
    async def explain_message(
        request: Request,
        connect: Annotated[bool, Query(description="look at the hosts too; nothing is changed there")] = False,
    ) -> Explained:
        """Rule by rule, resolver by resolver, limit by limit. No signal is sent. The answer takes at most 30
        seconds, whatever the hosts do. Of a message, the first 50 alerts are explained. The body may also be one
        alert's labels."""
        return await explained(parts, request, await request.body(), connect=connect)

    @router.get("/messages", summary="The last 50 messages that the webhook took, newest first")
    def list_messages() -> MessagesOut:
        """Those that were refused as malformed are not among them."""
        return MessagesOut(messages=[message_out(message) for message in parts.ledger.messages()])

    @router.get(
        "/messages/{message_id}",
        summary="One of them, as it came",
        response_class=Response,
        responses={200: {"content": {"application/json": {"example": examples.MESSAGE}}}},
    )
    def get_message(message_id: str) -> Response:
        return Response(body_of(parts, message_id), media_type="application/json")

    return router


def page_routes(parts: Parts) -> APIRouter:
    """GET and POST /ui/try."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    render = PageRenderer(parts)

    def page(status: int = 200, **what: Any) -> HTMLResponse:
        empty = {"body": "", "connect": False, "result": None, "fault": ""}
        html = render("try.html", messages=parts.ledger.messages(), example=examples.LABELS, **empty | what)
        return HTMLResponse(html, status, OWN_ORIGIN)

    @router.get("/ui/try")
    def form(message: str = "") -> HTMLResponse:
        """`message`: its id; that one is put into the form."""
        return page(body=body_of(parts, message) if message else "")

    @router.post("/ui/try")
    async def tried(request: Request) -> HTMLResponse:
        form = fields(await request.body())
        connect, body, result, fault, status = "connect" in form, form.get("body", ""), None, "", 200
        try:
            if form.get("message"):
                body = await run_in_threadpool(body_of, parts, form["message"])
            result = await explained(parts, request, body.encode(), connect=connect)
        except HTTPException as refused:
            fault, status = refused.detail, refused.status_code
        except Retryable as busy:
            fault, status = str(busy), 503
        return await run_in_threadpool(lambda: page(status, body=body, connect=connect, result=result, fault=fault))

    return router


async def explained(parts: Parts, request: Request, body: bytes, *, connect: bool) -> Explained:
    """What would become of the message in `body`. Raises HTTPException as the webhook does for a body that is no
    message; Retryable while too many others look at hosts."""
    try:
        result = await run_in_threadpool(parts.explain, body, connect)
    except BadMessage as bad:
        raise refused_message(bad) from bad
    if connect:
        log.info("hosts looked at for somebody", by=asker(request), alerts=len(result.alerts))
    return result


def fields(body: bytes) -> dict[str, str]:
    """The fields of a posted form. Raises HTTPException 400 for a body that is no form."""
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError as error:
        raise HTTPException(400, "The body is no form; POST /explain takes JSON.") from error
    return {name: values[-1] for name, values in form.items()}


def body_of(parts: Parts, message_id: str) -> str:
    """The body of one of the last messages. Raises HTTPException 404 for one that is gone or was too large."""
    message = parts.ledger.message(message_id) if len(message_id) <= 64 else None
    if message is None:
        raise HTTPException(
            404, f"There is no message {message_id[:64]!r} any more; GET /messages lists what there is."
        )
    if message.body is None:
        raise HTTPException(404, f"Of this message only that it came was kept: it has {message.size} bytes.")
    return message.body


def message_out(message: Message) -> MessageOut:
    """The message as the API shows it."""
    href = f"/messages/{message.id}" if message.kept else None
    return MessageOut.model_validate({**{name: getattr(message, name) for name in SHOWN}, "href": href})


SHOWN = tuple(name for name in MessageOut.model_fields if name != "href")

"""Every HTTP error as RFC 9457 `application/problem+json`, with a sentence that a person can act on.

The routes raise starlette's HTTPException with that sentence as its detail; asgi.py registers these handlers.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import AlertprofError
from app.intake.message import BadMessage, NotJson, TooManyAlerts
from app.ledger.database import LedgerUnavailable

OWN_FAULT = "alertprof met a fault of its own; its log has the details under this path and time."
METHODS = ("GET", "HEAD", "POST", "DELETE")

log = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    """A JSON answer with the media type of RFC 9457."""

    media_type = "application/problem+json"


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The answer with this sentence; `more`: further members of the JSON object."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return ProblemResponse(body, status_code=status, headers=dict(headers or {}))


def refused_message(bad: BadMessage) -> HTTPException:
    """The answer to a body that is no message: 400 for no JSON, 413 for too many alerts, otherwise 422."""
    if isinstance(bad, NotJson):
        return HTTPException(400, str(bad))
    return HTTPException(413 if isinstance(bad, TooManyAlerts) else 422, str(bad))


def sentence(errors: Sequence[Mapping[str, str]]) -> str:
    """The first three errors in one sentence: `host: Field required; pid: …`."""
    first = [f"{error['where']}: {error['message']}" for error in errors[:3]]
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return "; ".join(first) + more


def where(loc: Sequence[int | str]) -> str:
    """`alerts[0].labels.job` for ("alerts", 0, "labels", "job"), each part cut to fit a log line."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:80]}" for part in loc)
    return text.removeprefix(".") or "the body"


def handle_problems(app: FastAPI) -> None:
    """Registers the handlers for every error that a route may raise."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AlertprofError, _passing)
    app.add_exception_handler(LedgerUnavailable, _passing)
    app.add_exception_handler(Exception, _own)


class Problems:
    """A middleware for what is no route of the framework's: it answers the errors that `app` raises before its own
    answer. A fault of our own is raised again, so that the server logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except HTTPException as refused:
            await problem(refused.status_code, refused.detail, refused.headers)(scope, receive, send)
        except Exception as fault:
            log.error("a request met a fault of alertprof's own", path=scope["path"], error=repr(fault))
            await problem(HTTPStatus.INTERNAL_SERVER_ERROR, OWN_FAULT)(scope, receive, send)
            raise


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - starlette's handlers are typed for any exception
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        use = ", ".join(_methods(request))
        detail = f"{request.url.path} does not answer to {request.method}; use {use or 'another method'}."
        return problem(error.status_code, detail, {"Allow": use})
    if error.detail == HTTPStatus(error.status_code).phrase:
        return problem(error.status_code, _detail(request, error), error.headers)
    return problem(error.status_code, error.detail, error.headers)


def _methods(request: Request) -> list[str]:
    """The methods of this address. The framework gives only those of the first matching route."""
    routes = request.app.router.routes
    asked = ((method, {**request.scope, "method": method}) for method in METHODS)
    return [method for method, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def _detail(request: Request, error: HTTPException) -> str:
    """A sentence in the place of the framework's phrase."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {request.url.path}; /docs lists what there is."
    return f"{error.detail}."


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    listed = [{"where": where(e["loc"][1:]), "message": _message(e)} for e in error.errors()]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence(listed), errors=listed)


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "model_attributes_type":
        return "send a JSON object, with Content-Type: application/json"
    return str(error["msg"]).removeprefix("Value error, ")


async def _passing(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}")


async def _own(request: Request, error: Exception) -> Response:
    log.error("a request met a fault of alertprof's own", path=request.url.path, error=repr(error))
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, OWN_FAULT)

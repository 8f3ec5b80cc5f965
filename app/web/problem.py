"""Every error of the HTTP side as RFC 9457 `application/problem+json`, with a sentence that a person can act on.

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

from app.errors import AlertprofError
from app.ledger.database import LedgerUnavailable

METHODS = ("GET", "HEAD", "POST", "DELETE")

log = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return ProblemResponse(body, status_code=status, headers=dict(headers or {}))


def sentence(errors: Sequence[Mapping[str, str]]) -> str:
    """The first of several errors in one sentence: `host: Field required; pid: …`."""
    told = [f"{error['where']}: {error['message']}" for error in errors[:3]]
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return "; ".join(told) + more


def where(loc: Sequence[int | str]) -> str:
    """`alerts[0].labels.job` for ("alerts", 0, "labels", "job"), cut to what a log line bears."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:80]}" for part in loc)
    return text.removeprefix(".") or "the body"


def handle_problems(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AlertprofError, _passing)
    app.add_exception_handler(LedgerUnavailable, _passing)
    app.add_exception_handler(Exception, _own)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - starlette's handlers are typed for any exception
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        use = ", ".join(_methods(request))
        told = f"{request.url.path} does not answer to {request.method}; use {use or 'another method'}."
        return problem(error.status_code, told, {"Allow": use})
    if error.detail == HTTPStatus(error.status_code).phrase:
        return problem(error.status_code, _plain(request, error), error.headers)
    return problem(error.status_code, error.detail, error.headers)


def _methods(request: Request) -> list[str]:
    """What this address answers to. The framework only tells the methods of the first of its routes."""
    routes = request.app.router.routes
    asked = ((method, {**request.scope, "method": method}) for method in METHODS)
    return [method for method, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def _plain(request: Request, error: HTTPException) -> str:
    """A sentence where the framework has only a phrase."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {request.url.path}; /docs lists what there is."
    return f"{error.detail}."


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    listed = [{"where": where(e["loc"][1:]), "message": _said(e)} for e in error.errors()]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence(listed), errors=listed)


def _said(error: Mapping[str, Any]) -> str:
    if error["type"] == "model_attributes_type":
        return "send a JSON object, with Content-Type: application/json"
    return str(error["msg"]).removeprefix("Value error, ")


async def _passing(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}")


async def _own(request: Request, error: Exception) -> Response:
    log.error("a request met a fault of alertprof's own", path=request.url.path, error=repr(error))
    detail = "alertprof met a fault of its own; its log has the details under this path and time."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)

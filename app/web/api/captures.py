"""Reading captures as JSON: the list, and one of them. Registered by app/web/asgi.py.

The routes are plain functions, because the ledger blocks: the framework runs them in its thread pool.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.web.api.schemas.capture import CapturesOut, OneCaptureOut, capture_out, one_capture_out
from app.web.etag import UNCHANGED, json_or_304
from app.web.filters import CaptureQuery, found
from app.web.parts import Parts, the_capture

ETAG = {"ETag": {"description": "changes with the content", "schema": {"type": "string"}}}
LINK = {"Link": {"description": "the first page and the next one (RFC 8288)", "schema": {"type": "string"}}}


def routes(parts: Parts) -> APIRouter:
    """The routes that read captures."""
    router = APIRouter(tags=["captures"])

    @router.get(
        "/captures",
        summary="The captures, newest first",
        response_model=CapturesOut,
        responses={200: {"headers": ETAG | LINK}, **UNCHANGED},
    )
    def list_captures(request: Request, query: Annotated[CaptureQuery, Query()]) -> Response:
        page = found(parts.ledger, query, parts.now())
        content = CapturesOut(captures=[capture_out(capture) for capture in page.captures], next=page.next)
        return json_or_304(request, content, page_links(request, page.next))

    @router.get(
        "/captures/{capture_id}",
        summary="One capture",
        response_model=OneCaptureOut,
        responses={200: {"headers": ETAG}, **UNCHANGED},
    )
    def get_capture(request: Request, capture_id: str) -> Response:
        capture = the_capture(parts, capture_id)
        return json_or_304(request, one_capture_out(capture, parts.ledger.notices.of_capture(capture.id)))

    return router


def page_links(request: Request, cursor: str | None) -> dict[str, str]:
    """The header Link of a page: where the first one is, and the one at `cursor` if there is one. RFC 8288."""
    pages = {"first": request.url.remove_query_params("cursor")}
    if cursor:
        pages["next"] = request.url.include_query_params(cursor=cursor)
    links = (f'<{url.path}{"?" if url.query else ""}{url.query}>; rel="{name}"' for name, url in pages.items())
    return {"link": ", ".join(links)}

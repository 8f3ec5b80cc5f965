"""Reading captures as JSON: the list, and one of them. Registered by app/web/asgi.py.

The routes are plain functions, because the ledger blocks: the framework runs them in its thread pool.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from app.web.api.schemas.capture import CaptureOut, CapturesOut, capture_out
from app.web.filters import CaptureQuery, found
from app.web.parts import Parts, the_capture


def routes(parts: Parts) -> APIRouter:
    """The routes that read captures."""
    router = APIRouter(tags=["captures"])

    @router.get("/captures", summary="The captures, newest first")
    def captures(query: Annotated[CaptureQuery, Query()]) -> CapturesOut:
        page = found(parts.ledger, query, parts.now())
        return CapturesOut(captures=[capture_out(capture) for capture in page.captures], next=page.next)

    @router.get("/captures/{capture_id}", summary="One capture")
    def one(capture_id: str) -> CaptureOut:
        return capture_out(the_capture(parts, capture_id))

    return router

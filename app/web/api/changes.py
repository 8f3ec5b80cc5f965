"""Changing a capture: stop, pin, unpin, delete. Registered by app/web/asgi.py."""

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from app.web.api.manual import asker
from app.web.api.schemas.capture import CaptureOut, capture_out
from app.web.parts import Parts, the_capture

log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """The routes that change one capture."""
    router = APIRouter(tags=["captures"])

    @router.post("/captures/{capture_id}/stop", status_code=202, summary="Stop early and keep what there is")
    def stop(capture_id: str, request: Request) -> CaptureOut:
        capture = the_capture(parts, capture_id)
        if not parts.ledger.request_stop(capture_id, parts.now()):
            raise HTTPException(409, f"This capture has already ended: it is {capture.state}.")
        log.info("stop asked for", capture_id=capture_id, by=asker(request))
        return capture_out(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/pin", summary="Keep it, whatever retention says")
    def pin(capture_id: str) -> CaptureOut:
        parts.ledger.pin(the_capture(parts, capture_id).id, True)
        return capture_out(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/unpin", summary="Leave it to retention again")
    def unpin(capture_id: str) -> CaptureOut:
        parts.ledger.pin(the_capture(parts, capture_id).id, False)
        return capture_out(the_capture(parts, capture_id))

    @router.delete("/captures/{capture_id}", status_code=204, summary="Remove a capture with its files")
    def delete(capture_id: str, request: Request) -> None:
        capture = the_capture(parts, capture_id)
        if parts.ledger.delete(capture_id) is None:
            raise HTTPException(
                409, f"This capture is {capture.state}; stop it first, and delete it when it has ended."
            )
        parts.store.delete_all(capture_id)
        log.info("capture deleted", capture_id=capture_id, by=asker(request))

    return router

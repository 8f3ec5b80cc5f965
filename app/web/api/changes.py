"""Changing a capture: stop, pin, unpin, baseline, delete. Registered by app/web/asgi.py."""

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from app.model import Capture, State
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

    @router.post("/captures/{capture_id}/baseline", summary="Compare others of its service with this one")
    def choose_baseline(capture_id: str, request: Request) -> CaptureOut:
        """It takes the place of the service's earlier baseline, and retention leaves it alone."""
        capture = the_capture(parts, capture_id)
        if not parts.ledger.choose_baseline(capture):
            raise HTTPException(409, f"{_no_baseline(capture)}; choose a completed capture of a service.")
        log.info("baseline chosen", capture_id=capture_id, by=asker(request))
        return capture_out(the_capture(parts, capture_id))

    @router.delete("/captures/{capture_id}/baseline", summary="Do not compare others with this one any more")
    def unchoose_baseline(capture_id: str, request: Request) -> CaptureOut:
        parts.ledger.unchoose_baseline(the_capture(parts, capture_id).id)
        log.info("baseline given up", capture_id=capture_id, by=asker(request))
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


def _no_baseline(capture: Capture) -> str:
    if capture.state is not State.COMPLETED:
        return f"This capture is {capture.state}, so it cannot be a baseline"
    return "It is not known of which service this capture is, so nothing would be compared with it"

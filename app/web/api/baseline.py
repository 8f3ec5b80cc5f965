"""The baseline of a service: chosen, and given up. Registered by app/web/asgi.py."""

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from app.model import Capture, State
from app.web.api.manual import asker
from app.web.api.schemas.capture import CaptureOut, capture_out
from app.web.parts import Parts, the_capture

log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """POST and DELETE /captures/{id}/baseline."""
    router = APIRouter(tags=["captures"])

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

    return router


def _no_baseline(capture: Capture) -> str:
    if capture.state is not State.COMPLETED:
        return f"This capture is {capture.state}, so it cannot be a baseline"
    return "It is not known of which service this capture is, so nothing would be compared with it"

"""The baseline of a service: chosen, and given up. Registered by app/web/asgi.py."""

from fastapi import APIRouter, Request

from app.web.api.manual import asker
from app.web.api.problems import problems
from app.web.api.schemas.capture import CaptureOut, capture_out
from app.web.changes import Changes
from app.web.parts import Parts, the_capture


def routes(parts: Parts) -> APIRouter:
    """POST and DELETE /captures/{id}/baseline."""
    router, changes = APIRouter(tags=["captures"]), Changes(parts)

    @router.post(
        "/captures/{capture_id}/baseline",
        summary="Compare others of its service with this one",
        responses=problems(409),
    )
    def choose_baseline(capture_id: str, request: Request) -> CaptureOut:
        """It takes the place of the service's earlier baseline, and retention leaves it alone."""
        changes.choose_baseline(the_capture(parts, capture_id), asker(request))
        return capture_out(the_capture(parts, capture_id))

    @router.delete("/captures/{capture_id}/baseline", summary="Do not compare others with this one any more")
    def unchoose_baseline(capture_id: str, request: Request) -> CaptureOut:
        changes.unchoose_baseline(the_capture(parts, capture_id), asker(request))
        return capture_out(the_capture(parts, capture_id))

    return router

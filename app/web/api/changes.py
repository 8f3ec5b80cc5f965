"""Changing a capture: stop, pin, unpin, delete. Registered by app/web/asgi.py."""

from fastapi import APIRouter, Request

from app.web.api.manual import asker
from app.web.api.problems import problems
from app.web.api.schemas.capture import CaptureOut, capture_out
from app.web.changes import Changes
from app.web.parts import Parts, the_capture


def routes(parts: Parts) -> APIRouter:
    """The routes that change one capture."""
    router, changes = APIRouter(tags=["captures"]), Changes(parts)

    @router.post(
        "/captures/{capture_id}/stop",
        status_code=202,
        summary="Stop early and keep what there is",
        responses=problems(409),
    )
    def stop_capture(capture_id: str, request: Request) -> CaptureOut:
        changes.stop(the_capture(parts, capture_id), asker(request))
        return capture_out(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/pin", summary="Keep it, whatever retention says")
    def pin_capture(capture_id: str) -> CaptureOut:
        parts.ledger.pin(the_capture(parts, capture_id).id, True)
        return capture_out(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/unpin", deprecated=True, name="unpin", summary="As DELETE of its pin")
    @router.delete("/captures/{capture_id}/pin", summary="Leave it to retention again")
    def unpin_capture(capture_id: str) -> CaptureOut:
        parts.ledger.pin(the_capture(parts, capture_id).id, False)
        return capture_out(the_capture(parts, capture_id))

    @router.delete(
        "/captures/{capture_id}",
        status_code=204,
        summary="Remove a capture with its files",
        responses=problems(409),
    )
    def delete_capture(capture_id: str, request: Request) -> None:
        changes.delete(the_capture(parts, capture_id), asker(request))

    return router

"""Pausing and resuming captures. Registered by app/web/asgi.py."""

import structlog
from fastapi import APIRouter, Request

from app.web.api.manual import asker
from app.web.api.schemas.administration import PausedOut
from app.web.parts import Parts

log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """POST /-/pause and /-/resume."""
    router = APIRouter(tags=["administration"])

    @router.post("/-/pause", summary="Start no captures for now; running ones are finished")
    def pause_captures(request: Request) -> PausedOut:
        parts.ledger.pause(parts.now(), asker(request))
        log.warning("captures paused", by=asker(request))
        held = parts.ledger.paused() or "started again already: somebody else has just resumed them"
        return PausedOut(paused=True, detail=f"Captures are {held}.")

    @router.post("/-/resume", summary="Start captures again")
    def resume_captures(request: Request) -> PausedOut:
        parts.ledger.resume()
        log.warning("captures resumed", by=asker(request))
        return PausedOut(paused=False, detail="Captures are started again.")

    return router

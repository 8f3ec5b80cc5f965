"""The executables that are not signalled any more, and unblocking one. Registered by app/web/asgi.py."""

import re

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from app.model import Blocked
from app.web.api.manual import asker
from app.web.api.schemas.administration import BlockedExecutablesOut, BlockedOut
from app.web.parts import Parts

log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """GET and DELETE of /-/blocked."""
    router = APIRouter(tags=["administration"])

    @router.get("/-/blocked", summary="Executables that are not signalled any more, since a signal harmed a process")
    def list_blocked() -> BlockedExecutablesOut:
        """Newest first."""
        return BlockedExecutablesOut(blocked=[BlockedOut.model_validate(one) for one in parts.ledger.blocked()])

    @router.get("/-/blocked/{blocked_id}", summary="One of them")
    def get_blocked(blocked_id: str) -> BlockedOut:
        there = parts.ledger.blocked()
        found = next((each for each in there if each.id == blocked_id), None)
        return BlockedOut.model_validate(or_404(found, blocked_id))

    @router.delete("/-/blocked/{blocked_id}", status_code=204, summary="Let it be signalled again")
    def unblock(blocked_id: str, request: Request) -> None:
        removed = parts.ledger.unblock(blocked_id) if re.fullmatch(r"[0-9a-f]{16}", blocked_id) else None
        taken = or_404(removed, blocked_id)
        log.warning("may be signalled again", build=taken.build, exe=taken.exe, by=asker(request))

    return router


def or_404(found: Blocked | None, blocked_id: str) -> Blocked:
    """`found` itself. Raises HTTPException 404 for None."""
    if found is None:
        raise HTTPException(
            404, f"No executable is blocked as {blocked_id[:64]!r}; GET /-/blocked lists those that are."
        )
    return found

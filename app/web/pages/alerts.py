"""The page of one alert: what was captured for it, now and before. Registered by app/web/asgi.py.

Alertmanager's templates link to it, so people open it before anything has been captured, or while it is.
"""

import re

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from app.ledger.listing import Filter
from app.web.pages.alert_graph import is_offered
from app.web.pages.capture import refreshes
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts

FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)  # as Prometheus' common/model writes it
SHOWN = 50  # captures


def routes(parts: Parts) -> APIRouter:
    """GET /alerts/{fingerprint}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/alerts/{fingerprint}")
    def alert(fingerprint: str) -> str:
        found = parts.ledger.find(Filter(fingerprint=fingerprint[:64], limit=SHOWN))
        if not (found.captures or FINGERPRINT.fullmatch(fingerprint)):
            raise HTTPException(
                404, f"{fingerprint[:64]!r} is no alert's fingerprint; Alertmanager's {{{{ .Fingerprint }}}} is."
            )
        messages = [] if found.captures else parts.ledger.messages()
        return page(
            "alert.html",
            fingerprint=fingerprint,
            captures=found.captures,
            more=found.next is not None,
            graph=any(is_offered(parts, each) for each in found.captures[:1]),
            last=messages[0].received_at if messages else None,
            busy=refreshes(found.captures) or not found.captures,
        )

    return router

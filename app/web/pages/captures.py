"""The pages that list captures: all of them, and those of one alert. Registered by app/web/asgi.py."""

import urllib.parse
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from app.ledger.ledger import Page
from app.model import State
from app.web.filters import CaptureQuery, found
from app.web.pages.capture import refreshes
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts

FILTERS = ("host", "service", "alertname", "fingerprint", "profiler", "since", "until")
NOTHING_YET = "Nothing has been captured for this alert yet. This page shows it as soon as it is."


def routes(parts: Parts) -> APIRouter:
    """GET /, /ui/captures and /alerts/{fingerprint}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/")
    @router.get("/ui/captures")
    def index(request: Request, query: Annotated[CaptureQuery, Query()]) -> str:
        listed = table(found(parts.ledger, query, parts.now()), query, request)
        return page("captures.html", **listed, title="Captures", intro="", blocked=parts.ledger.blocked())

    @router.get("/alerts/{fingerprint}")
    def alert(fingerprint: str, request: Request) -> str:
        query = CaptureQuery(fingerprint=fingerprint[:64])
        captures = found(parts.ledger, query, parts.now())
        intro = "" if captures.captures else NOTHING_YET
        title = f"Alert {fingerprint[:64]}"
        return page("captures.html", **table(captures, query, request), title=title, intro=intro, blocked=())

    return router


def table(page: Page, query: CaptureQuery, request: Request) -> dict[str, Any]:
    """The template's variables for the table of captures; `next` is the address of the older ones."""
    words = [(name, word) for name, word in request.query_params.multi_items() if name != "cursor"]
    older = f"{request.url.path}?{urllib.parse.urlencode([*words, ('cursor', page.next)])}" if page.next else ""
    return {
        "captures": page.captures,
        "next": older,
        "asked": query,
        "filters": FILTERS,
        "states": list(State),
        "busy": refreshes(page.captures),
    }

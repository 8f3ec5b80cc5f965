"""The page that lists captures. Registered by app/web/asgi.py."""

import urllib.parse
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from app.ledger.ledger import Page, Values
from app.web.filters import CaptureQuery, found
from app.web.pages import chart, facets
from app.web.pages.capture import refreshes
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts
from app.web.seldom import Seldom


def routes(parts: Parts) -> APIRouter:
    """GET / and /ui/captures."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page, recent = PageRenderer(parts), Seldom(lambda: Counter(parts.ledger.recent_values()))

    @router.get("/")
    @router.get("/ui/captures")
    def index(request: Request, query: Annotated[CaptureQuery, Query()]) -> HTMLResponse:
        status, fault, listed = 200, "", Page((), None)
        try:
            listed = found(parts.ledger, query, parts.now())
        except HTTPException as wrong:
            status, fault = wrong.status_code, wrong.detail
        shown = (
            table(listed, query, request)
            | ({} if fault else overview(parts, query, request, recent()))
            | {"fault": fault}
        )
        html = page("captures.html", **shown, blocked=parts.ledger.blocked())
        return HTMLResponse(html, status)

    return router


def table(page: Page, query: CaptureQuery, request: Request) -> dict[str, Any]:
    """The template's variables for the list of captures; `next` is the address of the older ones."""
    words = [(name, word) for name, word in request.query_params.multi_items() if name != "cursor"]
    older = f"{request.url.path}?{urllib.parse.urlencode([*words, ('cursor', page.next)])}" if page.next else ""
    return {
        "captures": page.captures,
        "next": older,
        "asked": query,
        "fault": "",
        "chart": None,
        "facets": {},
        "chosen": [],
        "kept": [],
        "busy": refreshes(page.captures),
    }


def overview(parts: Parts, query: CaptureQuery, request: Request, recent: Mapping[Values, int]) -> dict[str, Any]:
    """The template's variables for what stands above the list. recent: as facets.offered; kept: what the search
    field keeps of the address."""
    words, asked = request.query_params.multi_items(), query.filter(parts.now())
    span = chart.span(parts.now(), asked.since, asked.until)
    counts = parts.ledger.counts_by_time(asked, span.start, span.step, span.steps)
    return {
        "chart": chart.chart(counts, span, words),
        "facets": facets.offered(words, recent),
        "chosen": facets.chosen(words),
        "kept": [(name, word) for name, word in words if name not in ("match", "cursor") and word],
    }

"""The pages of one capture: everything about it, and its flame graphs. Registered by app/web/asgi.py."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app.analysis.flame.asked import Asked
from app.model import Capture, Kind
from app.web.differences import offered
from app.web.flame_graphs import FlameGraphs
from app.web.links import links_of
from app.web.pages.evidence import evidence_of
from app.web.pages.flame import THINNEST, flame_of_view
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles, profiles_of

ROWS = 20  # functions in the table

T = TypeVar("T")


def routes(parts: Parts, profiles: Profiles, graphs: FlameGraphs) -> APIRouter:
    """GET /ui/captures/{id} and /ui/captures/{id}/flame."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/captures/{capture_id}")
    def one(capture_id: str, response: Response, kind: Kind | None = None, sample_type: str | None = None) -> str:
        capture = the_capture(parts, capture_id)
        has = profiles_of(capture)
        shown = kind or first_kind(capture)
        top, fault = result_or_fault(lambda: profiles.top(capture, shown, ROWS, sample_type)) if has else (None, "")
        busy = refreshes([capture])
        links, unsigned = result_or_fault(lambda: links_of(parts, capture))
        response.headers["cache-control"] = "no-store"  # it has signed links
        return page(
            "capture.html",
            c=capture,
            kind=shown,
            profiles=has,
            top=top,
            fault=fault,
            busy=busy,
            links=links,
            unsigned=unsigned,
            evidence=evidence_of(parts, capture),
            bases=offered(parts, capture) if has else [],
        )

    @router.get("/ui/captures/{capture_id}/flame")
    def flame_page(capture_id: str, kind: Kind | None = None, sample_type: str | None = None, root: int = 0) -> str:
        capture = the_capture(parts, capture_id)
        shown = kind or first_kind(capture)
        asked = Asked(root, THINNEST / 100)
        view, fault = result_or_fault(lambda: graphs.view(capture, shown, sample_type, asked))
        drawn = flame_of_view(view) if view and view.about.total else None
        has = profiles_of(capture)
        about = view and view.about
        return page("flame.html", c=capture, kind=shown, profiles=has, tree=about, flame=drawn, fault=fault)

    return router


def refreshes(captures: Iterable[Capture]) -> bool:
    """Whether a page with these captures reloads itself: one of them has not ended."""
    return any(not capture.state.ended for capture in captures)


def first_kind(capture: Capture) -> Kind:
    """The kind of the profile that is shown when none is asked for."""
    return next((artifact.kind for artifact in profiles_of(capture)), Kind.CPU)


def result_or_fault(read: Callable[[], T]) -> tuple[T | None, str]:
    """What `read` returns and "", or None and the sentence why it cannot: the page is shown in either case."""
    try:
        return read(), ""
    except HTTPException as error:
        return None, error.detail

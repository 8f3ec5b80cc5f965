"""The page of a flame graph. Registered by app/web/asgi.py."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.analysis.flame.asked import Asked
from app.model import Kind
from app.web.flame_graphs import FlameGraphs
from app.web.pages.capture import first_kind, result_or_fault
from app.web.pages.flame import THINNEST, flame_of_view
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, the_capture
from app.web.profiles import profiles_of


def routes(parts: Parts, graphs: FlameGraphs) -> APIRouter:
    """GET /ui/captures/{id}/flame."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/captures/{capture_id}/flame")
    def flame_page(capture_id: str, kind: Kind | None = None, sample_type: str | None = None, root: int = 0) -> str:
        capture = the_capture(parts, capture_id)
        shown = kind or first_kind(capture)
        asked = Asked(root, 2 * THINNEST / 100)  # a finger needs more than a pixel; the script asks for those, too
        view, fault = result_or_fault(lambda: graphs.view(capture, shown, sample_type, asked))
        drawn = flame_of_view(view) if view and view.about.total else None
        has = profiles_of(capture)
        about = view and view.about
        return page("flame.html", c=capture, kind=shown, profiles=has, tree=about, flame=drawn, fault=fault)

    return router

"""The page of one capture: everything about it. Registered by app/web/asgi.py."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app.model import Capture, Kind
from app.web.differences import offered
from app.web.links import links_of
from app.web.pages.alert_graph import is_offered
from app.web.pages.changes import offers
from app.web.pages.evidence import evidence_of
from app.web.pages.goroutines import dump_of
from app.web.pages.renderer import OWN_ORIGIN, PageRenderer
from app.web.pages.scene import neighbours, phases, seconds_left, verdict
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles, profiles_of

ROWS = 20  # functions in the table

T = TypeVar("T")


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    """GET /ui/captures/{id}."""
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
        response.headers.update({"cache-control": "no-store", **OWN_ORIGIN})  # it has signed links, and forms
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
            verdict=verdict(capture, top),
            phases=phases(capture, parts.now()),
            left=seconds_left(capture, parts.now()),
            beside=neighbours(parts, capture),
            offers=offers(capture),
            graph=is_offered(parts, capture),
            notices=parts.ledger.notices.of_capture(capture.id),
            goroutines=dump_of(capture) is not None,
            bases=offered(parts, capture) if has else [],
        )

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

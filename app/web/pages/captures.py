"""The pages: the captures as a table, one capture, its flame graphs, everything about one alert, and the description of
the API.

Server-made HTML without any script; app/web/asgi.py registers the routes. words.py says what happened.
"""

import urllib.parse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from app.analysis.units import format_percent, format_value
from app.ledger.ledger import Page
from app.model import Capture, Kind, State
from app.web.api.schemas import href
from app.web.filters import Asked, found
from app.web.pages import words
from app.web.pages.flame import flame
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles, profiles_of

STATIC = StaticFiles(directory=Path(__file__).parents[1] / "static")
FILTERS = ("host", "service", "alertname", "fingerprint", "profiler", "since", "until")
ROWS = 20

T = TypeVar("T")


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = Paper(parts)

    @router.get("/")
    @router.get("/ui/captures")
    def index(request: Request, asked: Annotated[Asked, Query()]) -> str:
        page_found = found(parts.ledger, asked, parts.now())
        blocked, listed = parts.ledger.blocked(), listing(page_found, asked, request)
        return page("captures.html", **listed, title="Captures", intro="", blocked=blocked)

    @router.get("/ui/captures/{capture_id}")
    def one(capture_id: str, kind: Kind | None = None, sample_type: str | None = None) -> str:
        capture = the_capture(parts, capture_id)
        has = profiles_of(capture)
        asked = kind or first_kind(capture)
        top, fault = or_why_not(lambda: profiles.top(capture, asked, ROWS, sample_type)) if has else (None, "")
        return page("capture.html", c=capture, kind=asked, profiles=has, top=top, fault=fault, busy=busy([capture]))

    @router.get("/ui/captures/{capture_id}/flame")
    def flame_page(capture_id: str, kind: Kind | None = None, sample_type: str | None = None, root: int = 0) -> str:
        capture = the_capture(parts, capture_id)
        asked = kind or first_kind(capture)
        tree, fault = or_why_not(lambda: profiles.tree(capture, asked, sample_type))
        drawn = flame(tree, root) if tree and tree.total else None
        return page(
            "flame.html", c=capture, kind=asked, profiles=profiles_of(capture), tree=tree, flame=drawn, fault=fault
        )

    @router.get("/alerts/{fingerprint}")
    def alert(fingerprint: str, request: Request) -> str:
        asked = Asked(fingerprint=fingerprint[:64])
        page_found = found(parts.ledger, asked, parts.now())
        intro = (
            ""
            if page_found.captures
            else "Nothing has been captured for this alert yet. This page shows it as soon as it is."
        )
        title, listed = f"Alert {fingerprint[:64]}", listing(page_found, asked, request)
        return page("captures.html", **listed, title=title, intro=intro, blocked=())

    @router.get("/docs")
    def docs(request: Request) -> str:
        return page("docs.html", api=request.app.openapi())

    @router.get("/static/{name}")
    async def static(name: str, request: Request) -> Response:
        return await STATIC.get_response(name, request.scope)

    return router


class Paper:
    """Renders a template with what every page knows."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        loader = PackageLoader("app.web")
        self.jinja = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self.jinja.filters |= {
            "clock": clock,
            "ago": words.ago,
            "size": lambda size: format_value(size, "bytes"),
            "value": format_value,
            "percent": format_percent,
            "story": words.story,
            "command": self.command,
        }
        self.jinja.globals |= {"href": href}

    def __call__(self, template: str, **what: Any) -> str:
        paused = self.parts.ledger.paused()
        return self.jinja.get_template(template).render(now=self.parts.now(), paused=paused, **what)

    def command(self, capture: Capture, artifact: Any) -> str:
        return words.command(artifact, self.parts.external_url + href(capture.id, artifact.name))


def listing(page: Page, asked: Asked, request: Request) -> dict[str, Any]:
    """What the table of captures needs; `next` is the address of the older ones."""
    query = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    more = f"{request.url.path}?{urllib.parse.urlencode([*query, ('cursor', page.next)])}" if page.next else ""
    return {
        "captures": page.captures,
        "next": more,
        "asked": asked,
        "filters": FILTERS,
        "states": list(State),
        "busy": busy(page.captures),
    }


def busy(captures: Any) -> bool:
    return any(not capture.state.ended for capture in captures)


def first_kind(capture: Capture) -> Kind:
    """That of the profile which is shown when none is asked for."""
    return next((artifact.kind for artifact in profiles_of(capture)), Kind.CPU)


def or_why_not(read: Callable[[], T]) -> tuple[T | None, str]:
    """What was read, or the sentence why there is nothing: a page is shown in either case."""
    try:
        return read(), ""
    except HTTPException as error:
        return None, error.detail


def clock(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""

"""The page that describes the API, and the static files. Registered by app/web/asgi.py."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts

STATIC = StaticFiles(directory=Path(__file__).parents[1] / "static")


def routes(parts: Parts) -> APIRouter:
    """GET /docs and /static/…."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/docs")
    def docs(request: Request) -> str:
        return page("docs.html", api=request.app.openapi())

    @router.get("/static/{name:path}")
    async def static(name: str, request: Request) -> Response:
        return await STATIC.get_response(name, request.scope)

    return router

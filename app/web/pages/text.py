"""A text of a capture, such as a goroutine dump, readable in place. Registered by app/web/asgi.py."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, stored, the_artifact, the_capture

LONGEST = 1 << 20  # bytes of a text that are shown


def routes(parts: Parts) -> APIRouter:
    """GET /ui/captures/{id}/text/{name}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/captures/{capture_id}/text/{name}")
    def text(capture_id: str, name: str) -> str:
        capture = the_capture(parts, capture_id)
        file = the_artifact(capture, name)
        begin = b"".join(stored(parts, f"{capture.id}/{file.name}", 0, min(LONGEST, file.size)))
        return page("text.html", c=capture, file=file, text=begin.decode("utf-8", "replace"), cut=file.size > LONGEST)

    return router

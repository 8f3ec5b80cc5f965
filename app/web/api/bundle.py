"""GET /captures/{id}/bundle: everything of a capture in one zip. Registered by app/web/asgi.py."""

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from app.web.bundle.contents import entries, name_of
from app.web.bundle.zipped import zipped
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    """GET and HEAD of the bundle."""
    router = APIRouter(tags=["captures"])
    page = PageRenderer(parts)

    @router.get(
        "/captures/{capture_id}/bundle",
        summary="Everything of a capture in one zip",
        response_class=Response,
        responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    def download_bundle(capture_id: str, request: Request) -> Response:
        """README, alert, timeline, report (HTML and Markdown), profiles, evidence and checksums. It opens without
        alertprof, and is sent while it is made."""
        capture = the_capture(parts, capture_id)
        name = name_of(capture)
        headers = {
            "content-type": "application/zip",
            "content-disposition": f'attachment; filename="{name}.zip"',
            "cache-control": "private, no-cache",
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        content = zipped(name, entries(parts, page, profiles, capture), capture.ended_at or parts.now())
        return StreamingResponse(content, headers=headers)

    return router

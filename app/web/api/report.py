"""GET /captures/{id}/report: a capture as a short text in Markdown. Registered by app/web/asgi.py."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from app.analysis.top import Top
from app.model import Capture, Kind
from app.web.parts import Parts, the_capture
from app.web.profiles import ROWS, Profiles, profiles_of
from app.web.report import report

SHOWN: Final = 2  # kinds of profiles with a table


class Markdown(PlainTextResponse):
    """A text in Markdown (RFC 7763)."""

    media_type = "text/markdown"


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    """The route of the report."""
    router = APIRouter(tags=["captures"])

    @router.get(
        "/captures/{capture_id}/report",
        summary="Findings, top functions and what to do next, at most 6000 bytes",
        response_class=Markdown,
    )
    def get_report(
        capture_id: str,
        focus: Annotated[
            str, Query(max_length=200, description="only what concerns functions with this in their name")
        ] = "",
    ) -> Markdown:
        capture = the_capture(parts, capture_id)
        return Markdown(report(capture, tops(profiles, capture), parts.external_url, focus))

    return router


def tops(profiles: Profiles, capture: Capture) -> list[tuple[str, Top]]:
    """The tables of the first profiles. A file that cannot be shown costs its table."""
    found = []
    for artifact in profiles_of(capture)[:SHOWN]:
        try:
            sample_type = "inuse_space" if artifact.kind is Kind.HEAP else None
            found.append((artifact.kind.value, profiles.top(capture, artifact.kind, ROWS, sample_type)))
        except HTTPException:
            continue
    return found

"""Reading captures as JSON: the list, one of them, its profiles. Registered by app/web/asgi.py.

The routes are plain functions, because the ledger blocks: the framework runs them in its thread pool.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from app.analysis.diff.normalize import Normalize
from app.model import Kind
from app.web.api.schemas.capture import CaptureOut, CapturesOut, capture_out
from app.web.api.schemas.profile import (
    DifferenceGraphOut,
    DifferenceOut,
    FlameGraphOut,
    TopOut,
    difference_graph,
    difference_out,
    flame_graph,
)
from app.web.differences import Comparison, Differences, base_named, warnings
from app.web.filters import CaptureQuery, found
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles

SampleType = Annotated[str | None, Query(description="where a profile has several")]
Base = Annotated[
    str | None,
    Query(description="the difference to this capture: an id, or `baseline` for the baseline of the service"),
]
Scaled = Annotated[
    Normalize | None,
    Query(description="with `base`: how the capture is scaled first; by default what suits the kind"),
]


def routes(parts: Parts, profiles: Profiles, differences: Differences) -> APIRouter:
    """The routes that read captures and their profiles."""
    router = APIRouter(tags=["captures"])

    @router.get("/captures", summary="The captures, newest first")
    def captures(query: Annotated[CaptureQuery, Query()]) -> CapturesOut:
        page = found(parts.ledger, query, parts.now())
        return CapturesOut(captures=[capture_out(capture) for capture in page.captures], next=page.next)

    @router.get("/captures/{capture_id}", summary="One capture")
    def one(capture_id: str) -> CaptureOut:
        return capture_out(the_capture(parts, capture_id))

    @router.get("/captures/{capture_id}/top", summary="The table of `go tool pprof -top -nodefraction=0`")
    def top(
        capture_id: str,
        *,
        kind: Kind = Kind.CPU,
        n: Annotated[int, Query(ge=1, le=1000)] = 30,
        sample_type: SampleType = None,
        base: Base = None,
        normalize: Scaled = None,
    ) -> TopOut | DifferenceOut:
        """With `base`, the table of `-diff_base`, and which functions changed by more than noise."""
        capture = the_capture(parts, capture_id)
        if base is None:
            return TopOut.model_validate(profiles.top(capture, kind, n, sample_type))
        asked = Comparison(capture, base_named(parts, capture, base), kind, sample_type, normalize)
        found = differences.table(asked, n)
        return difference_out(found, asked.base.id, warnings(asked, found))

    @router.get(
        "/captures/{capture_id}/flamegraph",
        summary="The call tree",
        responses={200: {"model": FlameGraphOut | DifferenceGraphOut}},
    )
    def flamegraph(
        capture_id: str,
        *,
        kind: Kind = Kind.CPU,
        sample_type: SampleType = None,
        base: Base = None,
        normalize: Scaled = None,
    ) -> JSONResponse:
        """With `base`, the call trees of both as one."""
        capture = the_capture(parts, capture_id)
        if base is None:
            return JSONResponse(flame_graph(profiles.tree(capture, kind, sample_type)))
        asked = Comparison(capture, base_named(parts, capture, base), kind, sample_type, normalize)
        return JSONResponse(difference_graph(differences.tree(asked)))

    return router

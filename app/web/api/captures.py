"""Reading captures as JSON: the list, one of them, its profiles. Registered by app/web/asgi.py.

The routes are plain functions, because the ledger blocks: the framework runs them in its thread pool.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.model import Kind
from app.web.api.schemas.capture import CaptureOut, CapturesOut, capture_out
from app.web.api.schemas.profile import FlameGraphOut, TopOut, flame_graph
from app.web.filters import CaptureQuery, found
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles

SampleType = Annotated[str | None, Query(description="where a profile has several")]
Base = Annotated[str | None, Query(description="not in this version")]


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
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
        kind: Kind = Kind.CPU,
        n: Annotated[int, Query(ge=1, le=1000)] = 30,
        sample_type: SampleType = None,
        base: Base = None,
    ) -> TopOut:
        refuse_comparing(base)
        return TopOut.model_validate(profiles.top(the_capture(parts, capture_id), kind, n, sample_type))

    @router.get("/captures/{capture_id}/flamegraph", summary="The call tree", responses={200: {"model": FlameGraphOut}})
    def flamegraph(
        capture_id: str, kind: Kind = Kind.CPU, sample_type: SampleType = None, base: Base = None
    ) -> JSONResponse:
        refuse_comparing(base)
        return JSONResponse(flame_graph(profiles.tree(the_capture(parts, capture_id), kind, sample_type)))

    return router


def refuse_comparing(base: str | None) -> None:
    """Raises HTTPException 422 for a query with `base`."""
    if base is not None:
        raise HTTPException(422, "base: this version compares no captures; use `go tool pprof -diff_base`.")

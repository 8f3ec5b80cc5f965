"""The table of a profile as JSON, alone or compared with another capture. Registered by app/web/asgi.py."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.analysis.diff.normalize import Normalize
from app.model import Capture, Kind
from app.web.api.schemas.difference import DifferenceOut, difference_out
from app.web.api.schemas.profile import PeekOut, TopOut
from app.web.differences import Comparison, Differences, base_named, warnings
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles


class ProfileQuery(BaseModel):
    """Which profile, and what it is compared with."""

    kind: Kind = Kind.CPU
    sample_type: Annotated[str | None, Field(description="where a profile has several")] = None
    base: Annotated[
        str | None,
        Field(description="the difference to this capture: an id, or `baseline` for the baseline of the service"),
    ] = None
    normalize: Annotated[
        Normalize | None,
        Field(description="with `base`: how the capture is scaled first; by default what suits the kind"),
    ] = None

    def comparison(self, parts: Parts, capture: Capture) -> Comparison | None:
        """With the base that is asked for; None without one. Raises HTTPException 404."""
        if self.base is None:
            return None
        return Comparison(capture, base_named(parts, capture, self.base), self.kind, self.sample_type, self.normalize)


class TopQuery(ProfileQuery):
    """And how many functions."""

    n: Annotated[int, Field(ge=1, le=1000)] = 30


class PeekQuery(BaseModel):
    """Which profile and function, and how many callers and callees."""

    function: Annotated[
        str, Field(min_length=1, max_length=4096, description="its name; or a text in the names of several")
    ]
    kind: Kind = Kind.CPU
    sample_type: Annotated[str | None, Field(description="where a profile has several")] = None
    n: Annotated[int, Field(ge=1, le=1000)] = 10


def written(content: BaseModel) -> Response:
    """The content as JSON. The framework would check it once more, and wait for another thread for that."""
    return Response(content.model_dump_json(), media_type="application/json")


def routes(parts: Parts, profiles: Profiles, differences: Differences) -> APIRouter:
    """The routes that read profiles."""
    router = APIRouter(tags=["captures"])

    @router.get(
        "/captures/{capture_id}/top",
        summary="The table of `go tool pprof -top -nodefraction=0`",
        response_model=TopOut | DifferenceOut,
    )
    def get_top(capture_id: str, query: Annotated[TopQuery, Query()]) -> Response:
        """With `base`, the table of `-diff_base`, and which functions changed by more than noise."""
        capture = the_capture(parts, capture_id)
        if asked := query.comparison(parts, capture):
            found = differences.table(asked, query.n)
            return written(difference_out(found, asked.base.id, warnings(asked, found)))
        return written(TopOut.model_validate(profiles.top(capture, query.kind, query.n, query.sample_type)))

    @router.get(
        "/captures/{capture_id}/peek", summary="What calls a function, and what it calls", response_model=PeekOut
    )
    def get_peek(capture_id: str, query: Annotated[PeekQuery, Query()]) -> Response:
        """As `go tool pprof -peek` shows it, but for a text in the name instead of a regular expression."""
        found = profiles.peek(the_capture(parts, capture_id), query.kind, query.function, query.n, query.sample_type)
        if not found.functions:
            name = query.function[:200]
            raise HTTPException(404, f"function: no function of this {query.kind} profile has {name!r} in its name.")
        return written(PeekOut.model_validate(found))

    return router

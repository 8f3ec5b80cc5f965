"""The call tree of a profile as JSON: whole, compared with a base, or what can be seen of a part of it. Registered by
app/web/asgi.py.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse, Response

from app.analysis.flame.asked import Asked
from app.web.api.profiles import ProfileQuery
from app.web.api.schemas.difference import DifferenceGraphOut, difference_graph
from app.web.api.schemas.profile import FlameGraphOut, FlameViewOut, flame_graph
from app.web.differences import Differences
from app.web.flame_graphs import FlameGraphs
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles

LONGEST = 4096  # characters of a name


class FlameQuery(ProfileQuery):
    """Which part, and how much of it; without any of these the whole tree, of the 5000 largest functions."""

    root: Annotated[int | None, Field(ge=0, description="the part below the function with this id; 0 is all")] = None
    min: Annotated[
        float | None, Field(ge=0, le=1, description="the share of the root that a function must have to be shown")
    ] = None
    function: Annotated[
        str | None, Field(max_length=LONGEST, description="this function on all paths, with callers and callees")
    ] = None
    search: Annotated[
        str | None, Field(max_length=LONGEST, description="how much was sampled in functions with this in their names")
    ] = None

    def asked(self) -> Asked | None:
        """The part that is asked for; None for the whole tree."""
        if not self.model_fields_set & {"root", "min", "function", "search"}:
            return None
        return Asked(self.root or 0, self.min or 0.0, self.function or "", self.search or "")


def routes(parts: Parts, profiles: Profiles, differences: Differences, graphs: FlameGraphs) -> APIRouter:
    """GET /captures/{id}/flamegraph."""
    router = APIRouter(tags=["captures"])

    @router.get(
        "/captures/{capture_id}/flamegraph",
        summary="The call tree",
        responses={200: {"model": FlameGraphOut | FlameViewOut | DifferenceGraphOut}},
    )
    def get_flame_graph(capture_id: str, query: Annotated[FlameQuery, Query()]) -> Response:
        """With `base`, the call trees of both as one. With `root`, `min`, `function` or `search` a part of the tree,
        in which every function has an id."""
        capture = the_capture(parts, capture_id)
        if compared := query.comparison(parts, capture):
            return JSONResponse(difference_graph(differences.tree(compared)))
        if asked := query.asked():
            text = graphs.json(capture, query.kind, query.sample_type, asked)
            return Response(text, media_type="application/json")
        return JSONResponse(flame_graph(profiles.tree(capture, query.kind, query.sample_type)))

    return router

"""The table and the call tree of a profile as the API shows them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.analysis.flame.view import nested
from app.analysis.tree import Tree


class RowOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    flat: int
    flat_percent: float
    sum_percent: float
    cum: int
    cum_percent: float
    function: str


class TableOut(BaseModel):
    """What every table says. Values in `unit`; percentages of `total`; `shown_in` is the unit in which pprof would
    print them."""

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    shown_in: str
    total: int
    duration_seconds: float | None


class TopOut(TableOut):
    """The functions that cost most. `profilers_own`: what of a heap's total are buffers of the profilers themselves."""

    model_config = ConfigDict(from_attributes=True)

    rows: tuple[RowOut, ...]
    profilers_own: int = 0


class CallOut(BaseModel):
    """`value`: of the samples with this call; `percent`: of the function that was asked about."""

    model_config = ConfigDict(from_attributes=True)

    function: str
    value: int
    percent: float


class PeekedOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    function: str
    flat: int
    flat_percent: float
    cum: int
    cum_percent: float
    callers: Annotated[tuple[CallOut, ...], Field(description="the largest first")]
    callees: Annotated[tuple[CallOut, ...], Field(description="the largest first")]


class PeekOut(TableOut):
    """Functions with what calls them and what they call. `matched`: how many fit; the largest ten are here."""

    model_config = ConfigDict(from_attributes=True)

    matched: int
    functions: tuple[PeekedOut, ...]


class FrameOut(BaseModel):
    """A function on its path from the root. `value`: with everything it called; `self`: its own."""

    name: str
    value: int
    self: int
    children: Annotated[list["FrameOut"], Field(description='the largest first; "(other)" are those too small to name')]


class GraphOut(BaseModel):
    """What every call tree says of its profile."""

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    total: int
    duration_seconds: float | None


class FlameGraphOut(GraphOut):
    """The call tree, of a bounded number of functions; values in `unit`, without their sign."""

    root: FrameOut


class SeenFrameOut(BaseModel):
    """A function on its path. `id`: asks for the part below it, with `root`."""

    id: int
    name: str
    value: int
    self: int
    children: list["SeenFrameOut"] = []


class FlameViewOut(GraphOut):
    """A part of the call tree, without what is too thin to be seen."""

    callers: Annotated[list[SeenFrameOut], Field(description="from the root of all to the caller of `root`")]
    root: SeenFrameOut
    inverted: Annotated[
        SeenFrameOut | None, Field(description="with `function`: it, and as its children those that call it")
    ]
    matched: Annotated[
        int | None, Field(description="with `search`: what was sampled below `root` in functions that match")
    ]


def flame_graph(tree: Tree) -> dict[str, Any]:
    """A FlameGraphOut as plain JSON: pydantic does not serialize models that are as deeply nested as call stacks."""
    return {
        "kind": tree.kind,
        "sample_type": tree.sample_type,
        "sample_types": tree.sample_types,
        "unit": tree.unit,
        "total": tree.total,
        "duration_seconds": tree.duration_seconds,
        "root": nested(tree.nodes),
    }

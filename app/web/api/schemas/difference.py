"""The differences of a profile to its base, as the API shows them."""

from dataclasses import asdict, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.analysis.diff.table import Difference
from app.analysis.diff.tree import DifferenceTree
from app.analysis.flame.view import nested
from app.web.api.schemas.profile import GraphOut, RowOut


class DifferenceRowOut(RowOut):
    """The differences, what the function cost in the base, and whether a difference is more than noise."""

    base_flat: int
    base_cum: int
    flat_changed: bool
    cum_changed: bool


class ChangeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    function: str
    what: Annotated[str, Field(description='"flat" or "cum"')]
    base: int
    value: Annotated[int, Field(description="of the capture, normalised")]
    beyond: Annotated[float, Field(description="in units of the smallest change that is more than noise")]


class BaseOut(BaseModel):
    """The capture that is compared with."""

    id: str
    total: int
    duration_seconds: float | None
    build_id: str


class DifferenceOut(BaseModel):
    """The differences to a base, in `unit`; percentages are of the total of the base."""

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    shown_in: str
    total: Annotated[int, Field(description="of the base, which is 100 %; of the capture if the base has nothing")]
    duration_seconds: float | None
    rows: list[DifferenceRowOut]
    base: BaseOut
    build_id: str
    normalize: Annotated[str, Field(description="how the capture was scaled before its base was subtracted")]
    capture_total: Annotated[int, Field(description="of the capture, normalised")]
    changes: Annotated[list[ChangeOut], Field(description="all that are more than noise, the surest first")]
    unjudged: Annotated[str, Field(description="why no change can be told from noise, or empty")]
    warnings: Annotated[list[str], Field(description="sentences: what to mind, such as another build of the program")]


class DifferenceFrameOut(BaseModel):
    """A function on its path from the root, in the capture, normalised, and in its base."""

    name: str
    value: int
    self: int
    base_value: int
    base_self: int
    children: list["DifferenceFrameOut"]


class DifferenceGraphOut(GraphOut):
    """The call trees of both as one."""

    base_duration_seconds: float | None
    normalize: str
    root: DifferenceFrameOut


def difference_out(found: Difference, base_id: str, warnings: list[str]) -> DifferenceOut:
    """The table as the API shows it."""
    base = BaseOut(
        id=base_id,
        total=found.base_total,
        duration_seconds=found.base_duration_seconds,
        build_id=found.base_build_id,
    )
    return DifferenceOut(
        kind=found.kind,
        sample_type=found.sample_type,
        sample_types=found.sample_types,
        unit=found.unit,
        shown_in=found.shown_in,
        total=found.total,
        duration_seconds=found.duration_seconds,
        rows=[DifferenceRowOut.model_validate(row) for row in found.rows],
        base=base,
        build_id=found.build_id,
        normalize=found.normalize.value,
        capture_total=found.capture_total,
        changes=[ChangeOut.model_validate(change) for change in found.changes],
        unjudged=found.unjudged,
        warnings=warnings,
    )


def difference_graph(tree: DifferenceTree) -> dict[str, Any]:
    """A DifferenceGraphOut as plain JSON; see flame_graph."""
    plain = asdict(replace(tree, nodes=()))
    del plain["nodes"]
    return {**plain, "root": nested(tree.nodes)}

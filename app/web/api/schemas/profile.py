"""The table and the call tree of a profile as the API shows them."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.analysis.diff.table import Difference
from app.analysis.diff.tree import DifferenceTree
from app.analysis.tree import Tree
from app.web.api import examples


class RowOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    flat: int
    flat_percent: float
    sum_percent: float
    cum: int
    cum_percent: float
    function: str


class TopOut(BaseModel):
    """Values in `unit`; percentages of `total`; `shown_in` is the unit in which pprof would print them."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.TOP]})

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    shown_in: str
    total: int
    duration_seconds: float | None
    rows: tuple[RowOut, ...]


class FrameOut(BaseModel):
    """A function on its path from the root. `value`: with everything it called; `self`: its own."""

    name: str
    value: int
    self: int
    children: Annotated[list["FrameOut"], Field(description='the largest first; "(other)" are those too small to name')]


class FlameGraphOut(BaseModel):
    """The call tree, of a bounded number of functions; values in `unit`, without their sign."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FLAME_GRAPH]})

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    total: int
    duration_seconds: float | None
    root: FrameOut


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

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DIFFERENCE]})

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


class DifferenceGraphOut(BaseModel):
    """The call trees of both as one."""

    kind: str
    sample_type: str
    sample_types: tuple[str, ...]
    unit: str
    total: int
    duration_seconds: float | None
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
    return {**plain, "root": _nested(tree.nodes)}


def flame_graph(tree: Tree) -> dict[str, Any]:
    """A FlameGraphOut as plain JSON: pydantic does not serialize models that are as deeply nested as call stacks."""
    return {
        "kind": tree.kind,
        "sample_type": tree.sample_type,
        "sample_types": tree.sample_types,
        "unit": tree.unit,
        "total": tree.total,
        "duration_seconds": tree.duration_seconds,
        "root": _nested(tree.nodes),
    }


def _nested(nodes: Iterable[Any]) -> dict[str, Any]:
    """The root with its children, and theirs. nodes: callers first, with the index of their parent."""
    made: list[dict[str, Any]] = []
    for node in nodes:
        plain = asdict(node)
        parent = plain.pop("parent")
        made.append({**plain, "children": []})
        if parent >= 0:
            made[parent]["children"].append(made[-1])
    return made[0]

"""The table of the differences between a profile and its base. For the API, the pages and the command line.

Not normalised, it is that of `go tool pprof -top -nodefraction=0 -diff_base=BASE`: order and shares too, which are
shares of the base. Names do not have the suffix "(inline)".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.analysis.diff.changes import Change, changed, unjudged
from app.analysis.diff.normalize import Normalize, natural, ratio
from app.analysis.diff.side import Side
from app.analysis.diff.sums import Sum
from app.analysis.names import place
from app.analysis.top import Node
from app.analysis.units import common_unit

NOTHING: Final = Sum()


@dataclass(frozen=True, slots=True)
class Row:
    """flat, cum: the differences, in the profile's unit. Percentages: of `total`, never negative. base_flat, base_cum:
    what the function cost in the base. flat_changed, cum_changed: it is more than noise."""

    flat: int
    flat_percent: float
    sum_percent: float
    cum: int
    cum_percent: float
    function: str
    base_flat: int
    base_cum: int
    flat_changed: bool
    cum_changed: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A change beyond noise. what: "flat" or "cum"; base, value: in `unit`, value normalised; beyond: at least 1."""

    function: str
    what: str
    base: int
    value: int
    beyond: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The table. total: what is 100 %: base_total or, if the base has nothing, that of the capture; capture_total: of
    the capture, normalised; all in `unit`."""

    kind: str  # see shapes.kind_of
    sample_type: str
    sample_types: tuple[str, ...]  # all that may be asked for
    unit: str  # "nanoseconds", "bytes", "count"
    shown_in: str  # the unit in which pprof prints this table
    total: int
    base_total: int
    capture_total: int
    duration_seconds: float | None
    base_duration_seconds: float | None
    build_id: str
    base_build_id: str
    normalize: Normalize
    unjudged: str  # why no change can be told from noise; "" where it can
    changes: tuple[Changed, ...]  # all of them, the surest first
    rows: tuple[Row, ...]


def difference(base: Side, now: Side, n: int, normalize: Normalize | None = None) -> Difference:
    """The n functions whose flat values differ most. normalize: None means the natural one; see normalize.natural.

    Raises BadProfile where it cannot be normalised in this way.
    """
    how = normalize or natural(base, now)
    by, found = ratio(base, now, how), changed(base, now)
    total = base.total or now.total
    rows = tuple(_rows(base, now, by, total, found)[:n])
    return Difference(
        kind=now.kind,
        sample_type=now.value_type.type,
        sample_types=now.sample_types,
        unit=now.value_type.unit,
        shown_in=_shown_in(rows, total, now.value_type.unit),
        total=total,
        base_total=base.total,
        capture_total=round(now.total * by),
        duration_seconds=now.duration_seconds,
        base_duration_seconds=base.duration_seconds,
        build_id=now.build_id,
        base_build_id=base.build_id,
        normalize=how,
        unjudged=unjudged(base, now),
        changes=tuple(_changed(each, by) for each in found),
        rows=rows,
    )


def first(found: Difference, n: int) -> Difference:
    """The first n rows of a table, as difference() gives them when it is asked for n."""
    rows = found.rows[:n]
    return replace(found, rows=rows, shown_in=_shown_in(rows, found.total, found.unit))


def _shown_in(rows: Sequence[Row], total: int, unit: str) -> str:
    return common_unit([row.flat or row.cum for row in rows], total, unit)


def _changed(one: Change, by: float) -> Changed:
    return Changed(place(one.node.name, one.node.file), one.what, one.base, round(one.value * by), one.beyond)


def _rows(base: Side, now: Side, by: float, total: int, found: tuple[Change, ...]) -> list[Row]:
    """Ordered by flat, then by name, as in pprof. Functions that do not differ have no row."""
    known = {(each.node, each.what) for each in found}
    rows, running = [], 0
    for flat, name, cum, node in sorted(
        _differing(base, now, by), key=lambda row: (-abs(row[0]), row[1], -abs(row[2]))
    ):
        running += flat
        rows.append(
            Row(
                flat=flat,
                flat_percent=_share(flat, total),
                sum_percent=_share(running, total),
                cum=cum,
                cum_percent=_share(cum, total),
                function=name,
                base_flat=_value(base.sums.flat, node),
                base_cum=_value(base.sums.cum, node),
                flat_changed=(node, "flat") in known,
                cum_changed=(node, "cum") in known,
            )
        )
    return rows


def _differing(base: Side, now: Side, by: float) -> list[tuple[int, str, int, Node]]:
    """Flat, name, cum and node of every function that differs."""
    found = []
    for node in {**base.sums.cum, **now.sums.cum}:
        flat = round(_value(now.sums.flat, node) * by) - _value(base.sums.flat, node)
        cum = round(_value(now.sums.cum, node) * by) - _value(base.sums.cum, node)
        if flat or cum:
            found.append((flat, place(node.name, node.file), cum, node))
    return found


def _value(sums: Mapping[Node, Sum], node: Node) -> int:
    return sums.get(node, NOTHING).value


def _share(value: int, total: int) -> float:
    return abs(value / total) * 100 if total else 0.0

"""The table of `go tool pprof -top`, small functions too: which cost most. For the API and the pages.

Equal to `-top -nodefraction=0 -nodecount=N`: functions, inlined ones too; a recursive function counted once in cum;
order and percentages as internal/graph and internal/report of github.com/google/pprof make them. Names do not
have the suffix "(inline)".
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from app.analysis.difference import base_total
from app.analysis.names import place, shown
from app.analysis.profile import BadProfile, Function, Location, Profile
from app.analysis.prune import pruning
from app.analysis.shapes import kind_of
from app.analysis.units import common_unit


@dataclass(frozen=True, slots=True)
class Row:
    """flat, cum: in the profile's unit. Percentages: 0 to 100, of the total, not rounded, never negative."""

    flat: int
    flat_percent: float
    sum_percent: float
    cum: int
    cum_percent: float
    function: str


@dataclass(frozen=True, slots=True)
class Top:
    """The table. total: of all samples, or of a saved difference's base, in `unit`.

    Print with units.format_value(…, shown_in)."""

    kind: str  # see shapes.kind_of
    sample_type: str
    sample_types: tuple[str, ...]  # all that may be asked for
    unit: str  # "nanoseconds", "bytes", "count"
    shown_in: str  # the unit in which pprof prints this table
    total: int
    duration_seconds: float | None
    rows: tuple[Row, ...]


class Node(NamedTuple):
    """The identity of a row: the function's name; without one, the binary and the line of its beginning."""

    name: str
    file: str = ""
    start_line: int = 0


@dataclass(slots=True)
class Sums:
    """Values added up by function, in the profile's unit."""

    total: int
    flat: dict[Node, int]
    cum: dict[Node, int]


def top(profile: Profile, n: int, sample_type: str | None = None) -> Top:
    """The n functions with the largest flat values. sample_type: None means the profile's default, or else its last.

    Raises BadProfile when the profile has no such sample type, or none at all.
    """
    index = index_of(profile, sample_type)
    unit = profile.sample_types[index].unit
    sums = _sums(profile, index)
    sums.total = base_total(profile, index) or sums.total
    rows = _rows(sums, n)
    return Top(
        kind=kind_of(profile),
        sample_type=profile.sample_types[index].type,
        sample_types=tuple(t.type for t in profile.sample_types),
        unit=unit,
        shown_in=_shown_in(rows, sums.total, unit),
        total=sums.total,
        duration_seconds=profile.duration_seconds,
        rows=rows,
    )


def first(table: Top, n: int) -> Top:
    """The first n rows of a table, as top() gives them when it is asked for n."""
    rows = table.rows[:n]
    return replace(table, rows=rows, shown_in=_shown_in(rows, table.total, table.unit))


def _shown_in(rows: Sequence[Row], total: int, unit: str) -> str:
    return common_unit([row.flat or row.cum for row in rows], total, unit)


def index_of(profile: Profile, wanted: str | None) -> int:
    """The index of a sample type; for None that of the profile's default, or else its last. Raises BadProfile."""
    names, default = [t.type for t in profile.sample_types], profile.default_sample_type
    if not names:
        raise BadProfile("it has no sample types, so there is nothing to add up")
    if wanted is None:
        return names.index(default) if default in names else len(names) - 1
    if wanted not in names:
        raise BadProfile(f"it has no sample type {wanted!r}; it has {', '.join(names)}")
    return names.index(wanted)


def _sums(profile: Profile, index: int) -> Sums:
    pruned = pruning(profile)
    nodes = {id: nodes_of(location) for id, location in pruned.locations.items()}
    sums = Sums(0, defaultdict(int), defaultdict(int))
    for value, ids in profile.stacks(index):
        sums.total += abs(value)
        if stack := pruned.stack(ids):
            sums.flat[nodes[stack[0]][0]] += value
            for node in set(chain.from_iterable([nodes[id] for id in stack])):
                sums.cum[node] += value
    return sums


def nodes_of(location: Location) -> tuple[Node, ...]:
    """The functions of a location, leaf first; never empty, because code without symbols counts as its binary."""
    return tuple(_node(function, location.file) for function in location.functions) or (Node("", location.file),)


def _node(function: Function, file: str) -> Node:
    name = shown(function.name, function.system_name)
    return Node(name) if name else Node("", file, function.start_line)


def _rows(sums: Sums, n: int) -> tuple[Row, ...]:
    """Ordered by flat, then by name, as in pprof. Functions whose values are all 0 have no row."""
    kept = [(sums.flat.get(node, 0), place(node.name, node.file), cum) for node, cum in sums.cum.items()]
    kept = [(flat, name, cum) for flat, name, cum in kept if flat or cum]
    kept.sort(key=lambda row: (-abs(row[0]), row[1], -abs(row[2])))
    rows, running = [], 0
    for flat, name, cum in kept[:n]:
        running += flat
        rows.append(Row(flat, _share(flat, sums), _share(running, sums), cum, _share(cum, sums), name))
    return tuple(rows)


def _share(value: int, sums: Sums) -> float:
    return abs(value / sums.total) * 100 if sums.total else 0.0

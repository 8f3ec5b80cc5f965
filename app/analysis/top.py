"""The table of `go tool pprof -top`, small functions too: which cost most. For the API and the pages.

Equal to `-top -nodefraction=0 -nodecount=N`: functions, inlined ones too; a recursive function counted once in cum;
order and percentages as internal/graph and internal/report of github.com/google/pprof make them. Names do not
have the suffix "(inline)".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from app.analysis.difference import base_total
from app.analysis.names import place, shown
from app.analysis.profile import BadProfile, Function, Location, Profile
from app.analysis.profilers_own import profilers_own
from app.analysis.prune import pruning
from app.analysis.shapes import kind_of
from app.analysis.units import common_unit


class Row(NamedTuple):
    """flat, cum: in the profile's unit. Percentages: 0 to 100, of the total, not rounded, never negative."""

    flat: int
    flat_percent: float
    sum_percent: float
    cum: int
    cum_percent: float
    function: str


class Top(NamedTuple):
    """The table. total: of all samples, or of a saved difference's base, in `unit`; profilers_own: what of it in a heap
    profile is the profilers' own, see profilers_own.py.

    Print with units.format_value(…, shown_in)."""

    kind: str  # see shapes.kind_of
    sample_type: str
    sample_types: tuple[str, ...]  # all that may be asked for
    unit: str  # "nanoseconds", "bytes", "count"
    shown_in: str  # the unit in which pprof prints this table
    total: int
    duration_seconds: float | None
    rows: tuple[Row, ...]
    profilers_own: int = 0


class Node(NamedTuple):
    """The identity of a row: the function's name; without one, the binary and the line of its beginning."""

    name: str
    file: str = ""
    start_line: int = 0


class Sums(NamedTuple):
    """Values added up by function, in the profile's unit. flat, cum: by the numbers of the nodes."""

    total: int
    nodes: Mapping[Node, int]
    flat: Mapping[int, int]
    cum: Mapping[int, int]


def top(profile: Profile, n: int, sample_type: str | None = None) -> Top:
    """The n functions with the largest flat values. sample_type: None means the profile's default, or else its last.

    Raises BadProfile when the profile has no such sample type, or none at all.
    """
    index = index_of(profile, sample_type)
    unit = profile.sample_types[index].unit
    sums = sums_of(profile, index)
    total = base_total(profile, index) or sums.total
    rows = _rows(sums, total, n)
    return Top(
        kind=kind_of(profile),
        sample_type=profile.sample_types[index].type,
        sample_types=tuple(t.type for t in profile.sample_types),
        unit=unit,
        shown_in=_shown_in(rows, total, unit),
        total=total,
        duration_seconds=profile.duration_seconds,
        rows=rows,
        profilers_own=profilers_own(profile, index),
    )


def first(table: Top, n: int) -> Top:
    """The first n rows of a table, as top() gives them when it is asked for n."""
    rows = table.rows[:n]
    return table._replace(rows=rows, shown_in=_shown_in(rows, table.total, table.unit))


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


class Numbered(dict[int, tuple[int, ...]]):
    """The nodes of each location by its id, as numbers. Only locations that samples name are looked at.

    nodes: the numbers that are given already
    """

    def __init__(self, locations: Mapping[int, Location], nodes: Mapping[Node, int] | None = None) -> None:
        super().__init__()
        self.nodes: dict[Node, int] = dict(nodes or {})
        self._locations = locations

    def __missing__(self, id: int) -> tuple[int, ...]:
        nodes = nodes_of(self._locations[id])
        numbers = self[id] = tuple([self.nodes.setdefault(node, len(self.nodes)) for node in nodes])
        return numbers


def sums_of(profile: Profile, index: int) -> Sums:
    """What each function costs. index: of the sample type."""
    pruned = pruning(profile)
    numbered = Numbered(pruned.locations)
    total, flat, cum = 0, defaultdict[int, int](int), defaultdict[int, int](int)
    for value, ids in profile.stacks(index):
        total += abs(value)
        if stack := pruned.stack(ids):
            flat[numbered[stack[0]][0]] += value
            for number in set(chain.from_iterable(map(numbered.__getitem__, stack))):
                cum[number] += value
    return Sums(total, numbered.nodes, flat, cum)


def nodes_of(location: Location) -> tuple[Node, ...]:
    """The functions of a location, leaf first; never empty, because code without symbols counts as its binary."""
    return tuple(_node(function, location.file) for function in location.functions) or (Node("", location.file),)


def _node(function: Function, file: str) -> Node:
    name = shown(function.name, function.system_name)
    return Node(name) if name else Node("", file, function.start_line)


def _rows(sums: Sums, total: int, n: int) -> tuple[Row, ...]:
    """Ordered by flat, then by name, as in pprof. Functions whose values are all 0 have no row."""
    costs = [(sums.flat.get(number, 0), node, sums.cum[number]) for node, number in sums.nodes.items()]
    kept = [(flat, place(node.name, node.file), cum) for flat, node, cum in costs if flat or cum]
    kept.sort(key=lambda row: (-abs(row[0]), row[1], -abs(row[2])))
    rows, running = [], 0
    for flat, name, cum in kept[:n]:
        running += flat
        rows.append(Row(flat, share(flat, total), share(running, total), cum, share(cum, total), name))
    return tuple(rows)


def share(value: int, total: int) -> float:
    """Percent, never negative; 0 of nothing."""
    return abs(value / total) * 100 if total else 0.0

"""The callers and callees of functions, as `go tool pprof -peek -nodefraction=0 -edgefraction=0` shows them.

Equal to it: a call counts once for each sample, however often the stack has it; a function that calls itself has no
edge to itself. For the API.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain, pairwise
from typing import Final, NamedTuple

from app.analysis.difference import base_total
from app.analysis.names import place
from app.analysis.profile import Profile
from app.analysis.prune import pruning
from app.analysis.shapes import kind_of
from app.analysis.top import Node, Numbered, Sums, index_of, share, sums_of
from app.analysis.units import common_unit

MOST: Final = 10  # functions

Edges = Mapping[tuple[int, int], int]  # by caller and callee


class Call(NamedTuple):
    """A caller, or a callee. value: of the samples with this call; percent: of the function that was asked about."""

    function: str
    value: int
    percent: float


class Peeked(NamedTuple):
    """One function. flat, cum: in the profile's unit; percentages: of the total; calls: the largest first."""

    function: str
    flat: int
    flat_percent: float
    cum: int
    cum_percent: float
    callers: tuple[Call, ...]
    callees: tuple[Call, ...]


class Peek(NamedTuple):
    """The functions that fit, the largest cum first. matched: how many they are; at most MOST are here."""

    kind: str  # see shapes.kind_of
    sample_type: str
    sample_types: tuple[str, ...]  # all that may be asked for
    unit: str  # "nanoseconds", "bytes", "count"
    shown_in: str  # see top.Top
    total: int
    duration_seconds: float | None
    matched: int
    functions: tuple[Peeked, ...]


def peek(profile: Profile, function: str, n: int, sample_type: str | None = None) -> Peek:
    """The function of this name, or else all with this text in their names; each with at most n callers and callees.

    sample_type: None means the profile's default, or else its last. Raises BadProfile when it has no such sample type.
    """
    index = index_of(profile, sample_type)
    sums, unit = sums_of(profile, index), profile.sample_types[index].unit
    total = base_total(profile, index) or sums.total
    fitting = sorted(_fitting(sums, function), key=lambda number: (-abs(sums.cum[number]), number))
    edges = _edges(profile, index, sums, frozenset(fitting[:MOST])) if fitting else {}
    names = {number: _name(node) for node, number in sums.nodes.items()}
    return Peek(
        kind=kind_of(profile),
        sample_type=profile.sample_types[index].type,
        sample_types=tuple(t.type for t in profile.sample_types),
        unit=unit,
        shown_in=common_unit([sums.cum[number] for number in fitting[:MOST]], total, unit),
        total=total,
        duration_seconds=profile.duration_seconds,
        matched=len(fitting),
        functions=tuple(_peeked(number, sums, edges, names, total=total, n=n) for number in fitting[:MOST]),
    )


def _fitting(sums: Sums, function: str) -> list[int]:
    named = {number: _name(node) for node, number in sums.nodes.items() if sums.cum[number] or sums.flat.get(number)}
    exact = [number for number, name in named.items() if name == function]
    return exact or [number for number, name in named.items() if function in name]


def _name(node: Node) -> str:
    return place(node.name, node.file)


def _edges(profile: Profile, index: int, sums: Sums, wanted: frozenset[int]) -> Edges:
    """The calls to and from the wanted functions."""
    pruned = pruning(profile)
    numbered = Numbered(pruned.locations, sums.nodes)
    edges = defaultdict[tuple[int, int], int](int)
    for value, ids in profile.stacks(index):
        path = list(chain.from_iterable(map(numbered.__getitem__, pruned.stack(ids))))  # leaf first
        if not wanted.isdisjoint(path):
            for callee, caller in set(pairwise(path)):
                if caller != callee and (caller in wanted or callee in wanted):
                    edges[caller, callee] += value
    return edges


def _peeked(number: int, sums: Sums, edges: Edges, names: Mapping[int, str], *, total: int, n: int) -> Peeked:
    flat, cum = sums.flat.get(number, 0), sums.cum[number]
    callers = [(names[caller], value) for (caller, callee), value in edges.items() if callee == number]
    callees = [(names[callee], value) for (caller, callee), value in edges.items() if caller == number]
    shares = share(flat, total), share(cum, total)
    return Peeked(names[number], flat, shares[0], cum, shares[1], _largest(callers, cum, n), _largest(callees, cum, n))


def _largest(calls: Iterable[tuple[str, int]], cum: int, n: int) -> tuple[Call, ...]:
    ordered = sorted(calls, key=lambda call: (-abs(call[1]), call[0]))
    return tuple(Call(name, value, share(value, cum)) for name, value in ordered[:n])

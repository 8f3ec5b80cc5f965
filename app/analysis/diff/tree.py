"""Two call trees as one, each function with its value in both. For a flame graph coloured by what differs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.analysis.diff.normalize import Normalize, natural, ratio
from app.analysis.tree import OTHER, Tree


class Node(NamedTuple):
    """A function on one path. value, base_value: with everything it called; self, base_self: its own; in the unit."""

    name: str
    value: int
    self: int
    base_value: int
    base_self: int
    parent: int  # the index of its caller, which is smaller than its own; -1 for the root


@dataclass(frozen=True, slots=True)
class DifferenceTree:
    """The tree. nodes: the root first, then depth first, of children the one that costs most in both together first and
    "(other)" last. Never empty."""

    kind: str  # see shapes.kind_of
    sample_type: str
    sample_types: tuple[str, ...]  # all that may be asked for
    unit: str
    total: int  # what is 100 %: the value of all samples of the base; 0 if nothing was sampled
    duration_seconds: float | None
    base_duration_seconds: float | None
    normalize: Normalize
    nodes: tuple[Node, ...]


@dataclass(slots=True)
class _Growing:
    """Parallel lists; a caller precedes what it calls. own, base: without what was called."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    base: list[float] = field(default_factory=list)
    known: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, parent: int, name: str, own: float, base: float) -> int:
        """Adds to the function `name` below `parent`; returns its index."""
        at = self.known.setdefault((parent, name), len(self.names))
        if at == len(self.names):
            self.names.append(name)
            self.parents.append(parent)
            self.own.append(0)
            self.base.append(0)
        self.own[at] += own
        self.base[at] += base
        return at


def tree_difference(base: Tree, now: Tree, normalize: Normalize | None = None) -> DifferenceTree:
    """The two trees as one. normalize: None means the natural one; see normalize.natural.

    A function that is too small to be named in one of the two is "(other)" there. Raises BadProfile where they cannot
    be normalised in this way.
    """
    how, grown = normalize or natural(base, now), _Growing()
    by = ratio(base, now, how)
    _add(grown, now, lambda own: (own * by, 0))
    _add(grown, base, lambda own: (0, own))
    return DifferenceTree(
        kind=now.kind,
        sample_type=now.sample_type,
        sample_types=now.sample_types,
        unit=now.unit,
        total=base.total or now.total,
        duration_seconds=now.duration_seconds,
        base_duration_seconds=base.duration_seconds,
        normalize=how,
        nodes=_in_order(_summed(grown)),
    )


def _add(grown: _Growing, tree: Tree, amounts: Callable[[int], tuple[float, float]]) -> None:
    places: list[int] = []
    for node in tree.nodes:
        places.append(grown.add(places[node.parent] if node.parent >= 0 else -1, node.name, *amounts(node.self)))


def _summed(grown: _Growing) -> list[Node]:
    """The nodes with what they called, so that no child is larger than its caller."""
    own, base = [round(each) for each in grown.own], [round(each) for each in grown.base]
    values, base_values = own[:], base[:]
    for at in range(len(own) - 1, 0, -1):
        values[grown.parents[at]] += values[at]
        base_values[grown.parents[at]] += base_values[at]
    return [Node(*each) for each in zip(grown.names, values, own, base_values, base, grown.parents, strict=True)]


def _in_order(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Depth first."""
    children: list[list[int]] = [[] for _ in nodes]
    for at, node in enumerate(nodes[1:], 1):
        children[node.parent].append(at)
    for those in children:
        those.sort(key=lambda at: (nodes[at].name == OTHER, -nodes[at].value - nodes[at].base_value, nodes[at].name))
    ordered: list[Node] = []
    waiting = [(0, -1)]
    while waiting:
        at, parent = waiting.pop()
        waiting += [(child, len(ordered)) for child in reversed(children[at])]
        ordered.append(nodes[at]._replace(parent=parent))
    return tuple(ordered)

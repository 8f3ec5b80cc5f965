"""The call tree of a profile, for a flame graph. For the API and the pages.

The frames are functions, inlined ones too, merged by name along the path from the root. Frames that the profile asks to
drop are left out, as in top.py. Values have no sign, so that no child is larger than its parent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.analysis.difference import base_total
from app.analysis.names import place
from app.analysis.profile import Profile
from app.analysis.prune import pruning
from app.analysis.shapes import kind_of
from app.analysis.stacks import shortened
from app.analysis.top import index_of, nodes_of

MOST_NODES: Final = 5000
DEEPEST: Final = 192  # frames; many JSON parsers do not read much deeper nesting
LONGEST_NAME: Final = 400  # characters
ROOT: Final = "root"
OTHER: Final = "(other)"
LEFT_OUT: Final = "(frames left out)"


class Node(NamedTuple):
    """A function on one path. value: with everything it called; self: its own. In the profile's unit."""

    name: str
    value: int
    self: int
    parent: int  # the index of its caller, which is smaller than its own; -1 for the root


class Tree(NamedTuple):
    """The tree. nodes: the root first, then depth first, the largest child first and "(other)" last. Never empty."""

    kind: str  # see shapes.kind_of
    sample_type: str
    sample_types: tuple[str, ...]  # all that may be asked for
    unit: str  # "nanoseconds", "bytes", "count"
    duration_seconds: float | None
    nodes: tuple[Node, ...]
    base_total: int = 0  # of a saved difference

    @property
    def total(self) -> int:
        """What is 100 %: the value of all samples, or of a saved difference's base; 0 if nothing was sampled."""
        return self.base_total or self.nodes[0].value


@dataclass(slots=True)
class _Growing:
    """The whole tree, as parallel lists: it may have millions of nodes."""

    names: list[str] = field(default_factory=lambda: [ROOT])
    parents: list[int] = field(default_factory=lambda: [-1])
    values: list[int] = field(default_factory=lambda: [0])
    own: list[int] = field(default_factory=lambda: [0])
    known: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, path: Sequence[str], value: int) -> None:
        """`path`: leaf first."""
        at = 0
        self.values[0] += value
        for name in reversed(path):
            at = self._child(at, name)
            self.values[at] += value
        self.own[at] += value

    def _child(self, parent: int, name: str) -> int:
        index = self.known.setdefault((parent, name), len(self.names))
        if index == len(self.names):
            self.names.append(name)
            self.parents.append(parent)
            self.values.append(0)
            self.own.append(0)
        return index


def tree(profile: Profile, sample_type: str | None = None, most: int = MOST_NODES) -> Tree:
    """The call tree with at most `most` nodes. The smallest of more nodes are merged into "(other)" of their callers.

    sample_type: None means the profile's default, or else its last. Raises BadProfile when it has no such sample type.
    """
    index = index_of(profile, sample_type)
    grown = _grown(profile, index)
    return Tree(
        kind=kind_of(profile),
        sample_type=profile.sample_types[index].type,
        sample_types=tuple(t.type for t in profile.sample_types),
        unit=profile.sample_types[index].unit,
        duration_seconds=profile.duration_seconds,
        nodes=_in_order(_pruned(grown, most)),
        base_total=base_total(profile, index),
    )


def _grown(profile: Profile, index: int) -> _Growing:
    pruned = pruning(profile)
    names = {
        id: [place(node.name, node.file) for node in nodes_of(location)] for id, location in pruned.locations.items()
    }
    grown = _Growing()
    for value, ids in profile.stacks(index):
        path = [name for id in pruned.stack(ids) for name in names[id]]
        grown.add(shortened(path, DEEPEST, LEFT_OUT), abs(value))
    return grown


def _pruned(grown: _Growing, most: int) -> list[Node]:
    """Nodes, callers first. At most `most` // 2 of the largest stay, so that each of them may get an "(other)"."""
    count = len(grown.names)
    if count <= most:
        kept = list(range(count))
    else:  # a caller is not smaller than its callee and precedes it, so it is kept too
        kept = sorted(sorted(range(count), key=lambda at: (-grown.values[at], at))[: most // 2])
    renamed = {old: new for new, old in enumerate(kept)}
    nodes = [_node(grown, old, renamed) for old in kept]
    if len(nodes) == count:
        return nodes
    missing = [node.value - node.self for node in nodes]
    for node in nodes[1:]:
        missing[node.parent] -= node.value
    return nodes + [Node(OTHER, value, value, at) for at, value in enumerate(missing) if value]


def _node(grown: _Growing, old: int, renamed: dict[int, int]) -> Node:
    parent = renamed.get(grown.parents[old], -1)
    return Node(grown.names[old][:LONGEST_NAME], grown.values[old], grown.own[old], parent)


def _in_order(nodes: Sequence[Node]) -> tuple[Node, ...]:
    children: list[list[int]] = [[] for _ in nodes]
    for at, node in enumerate(nodes[1:], 1):
        children[node.parent].append(at)
    for those in children:
        those.sort(key=lambda at: (nodes[at].name == OTHER, -nodes[at].value, nodes[at].name))
    ordered: list[Node] = []
    waiting = [(0, -1)]
    while waiting:
        at, parent = waiting.pop()
        waiting += [(child, len(ordered)) for child in reversed(children[at])]
        ordered.append(Node(nodes[at].name, nodes[at].value, nodes[at].self, parent))
    return tuple(ordered)

"""The flame graph of a capture and its base in one, coloured by what differs, for pages/difference.py. Pure.

Each box is as wide as both together, so that what is gone is seen, too. Its colour says how much of the whole the
difference is: a function of few samples that differ by chance stays pale.
"""

from bisect import bisect
from typing import Final

from app.analysis.diff.tree import DifferenceTree
from app.analysis.tree import Node, Tree
from app.analysis.units import format_value
from app.web.pages.flame import Flame, Paint, flame

STEPS: Final = (0.005, 0.02, 0.08)  # of the larger whole: from here on a difference has a colour, and a stronger one


def difference_flame(tree: DifferenceTree, root: int) -> Flame:
    """The picture. root: index of the node that gets the full width."""
    both = tuple(
        Node(node.name, node.value + node.base_value, node.self + node.base_self, node.parent) for node in tree.nodes
    )
    drawn = Tree(tree.kind, tree.sample_type, tree.sample_types, tree.unit, tree.duration_seconds, both)
    return flame(drawn, root, Paint(lambda at: _amounts(tree, at), lambda at: _look(tree, at)))


def signed(value: int, unit: str, shown_in: str = "auto") -> str:
    """A difference as pprof prints it, with its sign."""
    text = format_value(value, unit, shown_in)
    return text if value <= 0 or text == "0" else f"+{text}"


def _amounts(tree: DifferenceTree, at: int) -> str:
    node = tree.nodes[at]
    now, base = (format_value(value, tree.unit) for value in (node.value, node.base_value))
    return f"{now}, was {base}: {signed(node.value - node.base_value, tree.unit)}"


def _look(tree: DifferenceTree, at: int) -> str:
    node, root = tree.nodes[at], tree.nodes[0]
    share = (node.value - node.base_value) / (max(root.value, root.base_value) or 1)
    strength = bisect(STEPS, abs(share))
    return f"{'more' if share > 0 else 'less'}{strength}" if strength else "other"

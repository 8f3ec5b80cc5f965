"""A flame graph as positioned boxes, for pages/capture.py: callers above, what they called below. Pure.

The page has no script and no inline style. So a zoom is a link to the same page with another box as the root, and
positions are attributes of SVG.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from app.analysis.flame.view import View
from app.analysis.tree import OTHER, Node, Tree
from app.analysis.units import format_percent, format_value

ROW: Final = 21  # pixels
THINNEST: Final = 0.08  # percent of the width: a thinner box would not be visible
LABELLED: Final = 2.5  # percent: a thinner box has no space for a label
COLOURS: Final = 8  # f0 to f7 in the style sheet
GREY, ABOVE = "other", "above"  # a box that is no known function; a caller of the box with the full width
FOLDERS: Final = re.compile(r"(?:[\w.~%-]+/)+(?=[\w~%-]+\.)")  # of a Go package; not those in `run (a/b.py:1)`
FILE: Final = re.compile(r"\(([^()]*?)(?::[0-9]+)?\)$")  # `run (a/b.py:12)`


@dataclass(frozen=True, slots=True)
class Box:
    """x, width: percent of the picture; y: pixels. `node`: index in the tree. `label`: "" where it does not fit."""

    node: int
    x: float
    width: float
    y: int
    label: str
    title: str
    look: str  # a class of the style sheet


@dataclass(frozen=True, slots=True)
class Flame:
    """height: pixels; name, amounts: of the box with the full width; thin: number of boxes too thin to draw."""

    boxes: tuple[Box, ...]
    height: int
    row: int
    root: int
    name: str
    amounts: str
    thin: int


@dataclass(frozen=True, slots=True)
class Paint:
    """What is said of the node with this index, and the class of the style sheet that colours it."""

    amounts: Callable[[int], str]
    look: Callable[[int], str]


def flame(tree: Tree, root: int, paint: Paint | None = None) -> Flame:
    """The flame graph of `tree`. root: index of the node that gets the full width, below its callers; the root of the
    tree when there is no such node. paint: its shares, and a colour for each package, unless told otherwise."""
    root = root if 0 <= root < len(tree.nodes) else 0
    paint = paint or Paint(lambda at: _amounts(tree, at), lambda at: _look(tree, at))
    callers = _callers(tree, root)
    boxes = [
        replace(_box(tree, paint, at, x=0.0, width=100.0, row=depth), look=ABOVE) for depth, at in enumerate(callers)
    ]
    inside = list(_spread(tree, paint, root, len(callers)))
    boxes += [box for box in inside if box.width >= THINNEST]
    node = tree.nodes[root]
    return Flame(
        boxes=tuple(boxes),
        height=max(box.y for box in boxes) + ROW,
        row=ROW,
        root=root,
        name=node.name,
        amounts=paint.amounts(root),
        thin=len(inside) + len(callers) - len(boxes),
    )


def flame_of_view(view: View) -> Flame:
    """The flame graph of a part of a tree: its root has the full width, and links lead to the ids of its functions."""
    frames = [*view.callers, *view.frames]
    above = len(view.callers)
    parents = [*range(-1, above - 1), above - 1, *(frame.parent + above for frame in view.frames[1:])]
    nodes = [Node(frame.name, frame.value, frame.self, parent) for frame, parent in zip(frames, parents, strict=True)]
    about = view.about
    tree = Tree(
        about.kind, about.sample_type, about.sample_types, about.unit, about.duration_seconds, tuple(nodes), about.total
    )
    drawn = flame(tree, above)
    boxes = tuple(replace(box, node=frames[box.node].id) for box in drawn.boxes)
    return replace(drawn, boxes=boxes, root=frames[above].id)


def _callers(tree: Tree, at: int) -> list[int]:
    """From the root down to the caller of `at`."""
    found: list[int] = []
    while (at := tree.nodes[at].parent) >= 0:
        found.append(at)
    return found[::-1]


def _spread(tree: Tree, paint: Paint, root: int, depth: int) -> Iterator[Box]:
    """The root and everything below it, each within its caller; `depth`: the row of the root."""
    whole = tree.nodes[root].value or 1
    free = {root: (0.0, depth)}  # where the next child of a node begins, in the tree's unit; and the node's row
    yield _box(tree, paint, root, x=0.0, width=100.0, row=depth)
    for at in range(root + 1, len(tree.nodes)):
        node = tree.nodes[at]
        if node.parent not in free:  # nodes are in depth-first order: the subtree of the root has ended
            return
        x, row = free[node.parent]
        free[node.parent] = (x + node.value, row)
        free[at] = (x, row + 1)
        yield _box(tree, paint, at, x=x / whole * 100, width=node.value / whole * 100, row=row + 1)


def _box(tree: Tree, paint: Paint, at: int, *, x: float, width: float, row: int) -> Box:
    name = tree.nodes[at].name
    return Box(
        node=at,
        x=round(x, 4),
        width=round(width, 4),
        y=row * ROW,
        label=short(name) if width >= LABELLED else "",
        title=f"{name}: {paint.amounts(at)}",
        look=paint.look(at),
    )


def _look(tree: Tree, at: int) -> str:
    name = tree.nodes[at].name
    return GREY if at == 0 or name == OTHER or name.startswith("[") else f"f{colour(name)}"


def _amounts(tree: Tree, at: int) -> str:
    node = tree.nodes[at]
    own = f", of which {_amount(tree, node.self)} its own" if node.self != node.value else ""
    return _amount(tree, node.value) + own


def _amount(tree: Tree, value: int) -> str:
    share = f" ({format_percent(value / tree.total * 100)})" if tree.total else ""
    return format_value(value, tree.unit) + share


def short(name: str) -> str:
    """The name without the folders of its package: `rest.(*engine).start`, of github.com/zeromicro/go-zero."""
    folders = FOLDERS.match(name)
    return name[folders.end() :] if folders else name


def colour(name: str) -> int:
    """Index of a colour: the same for all functions of a package, or of a file where names end with one."""
    found = FILE.search(name)
    family = found[1] if found else re.split(r"[.(\[<]", short(name), maxsplit=1)[0]
    return zlib.crc32(family.encode()) % COLOURS

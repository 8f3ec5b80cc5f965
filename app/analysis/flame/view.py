"""What can be seen of a call tree: the part below one function, without what is too thin for the screen."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from app.analysis.flame.paths import About, Paths, Span

MOST: Final = 5000  # frames
THINNEST: Final = 1 / 100_000  # of the shown root


class Frame(NamedTuple):
    """A function on one path. value: with everything it called; self: its own; both in the profile's unit."""

    id: int  # see paths.Span
    name: str
    value: int
    self: int
    parent: int  # the index of its caller, which is smaller than its own; -1 for the first


class View(NamedTuple):
    """A part of the tree. callers: from the whole's root to the caller of the shown one; frames: the shown one first,
    then the largest first, so each after its caller; inverted: for a function its callers, as a tree in which they
    are the children; matched: what the search found in the shown part, or None without one."""

    about: About
    callers: tuple[Frame, ...]
    frames: tuple[Frame, ...]
    inverted: tuple[Frame, ...] = ()
    matched: int | None = None

    @property
    def sample_type(self) -> str:
        return self.about.sample_type


def frames_of(paths: Paths, root: Span, share: float) -> tuple[Frame, ...]:
    """The frames from `root` down that have at least this share of it, and at most MOST."""
    least = max(int(paths.value(root) * max(share, THINNEST)), 1)
    frames: list[Frame] = []
    waiting = [(-paths.value(root), 0, root, -1)]
    pushed = 0
    while waiting and len(frames) < MOST:
        less, _, span, parent = heappop(waiting)
        frames.append(Frame(span.id, paths.name(span), -less, paths.own(span), parent))
        for child in _children(paths, span, least):
            pushed += 1
            heappush(waiting, (-paths.value(child), pushed, child, len(frames) - 1))
    return tuple(frames)


def callers_of(paths: Paths, span: Span) -> tuple[Frame, ...]:
    """The root first, the caller of `span` last."""
    above = list(paths.leading_to(span.begin, span.depth))[:-1]
    return tuple(
        Frame(each.id, paths.name(each), paths.value(each), paths.own(each), row - 1) for row, each in enumerate(above)
    )


def _children(paths: Paths, span: Span, least: int) -> Iterator[Span]:
    """What the function called that has a value of at least `least`. The others are leapt over: only the function to
    which the path belongs, at which the sum of all paths passed reaches `least`, can be that large."""
    sums = paths.sums
    at = span.begin + (span.begin < span.end and len(paths.texts[span.begin]) == span.depth)
    while at < span.end and sums[span.end] - sums[at] >= least:
        reached = bisect_left(sums, sums[at] + least, at + 1, span.end) - 1
        child = paths.called(span, reached, at)
        if paths.value(child) >= least:
            yield child
        at = child.end


def as_json(view: View) -> str:
    """The view as the API answers it: each frame with its children in it."""
    plain = {
        **view.about._asdict(),
        "callers": [nested([frame._replace(parent=-1)]) for frame in view.callers],
        "root": nested(view.frames),
        "inverted": nested(view.inverted) if view.inverted else None,
        "matched": view.matched,
    }
    return json.dumps(plain, separators=(",", ":"))


def nested(nodes: Iterable[Any]) -> dict[str, Any]:
    """The root with its children, and theirs. nodes: callers first, with the index of their parent."""
    made: list[dict[str, Any]] = []
    for node in nodes:
        plain = node._asdict()
        parent, plain["children"] = plain.pop("parent"), []
        made.append(plain)
        if parent >= 0:
            made[parent]["children"].append(plain)
    return made[0]

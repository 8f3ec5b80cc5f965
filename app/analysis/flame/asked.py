"""Answers what is asked of a profile's paths: a part of the tree, one function's callers and callees, a search."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.analysis.flame.paths import Paths, Span, gathered
from app.analysis.flame.view import View, callers_of, frames_of
from app.analysis.wire import BadProfile


@dataclass(frozen=True, slots=True)
class Asked:
    """root: the id of the function to show; share: of it, what is too thin to show; function: the name of one that is
    shown with its callers and callees on all paths instead; search: a part of names, in any case of letters."""

    root: int = 0
    share: float = 0.0
    function: str = ""
    search: str = ""


def view_of(paths: Paths, asked: Asked) -> View:
    """Raises BadProfile for a function that was not sampled."""
    if asked.function:
        return _both_sides(paths, asked)
    root = paths.span(asked.root)
    matched = _matched(paths, root, asked.search) if asked.search else None
    return View(paths.about, callers_of(paths, root), frames_of(paths, root, asked.share), matched=matched)


def _both_sides(paths: Paths, asked: Asked) -> View:
    """A function that calls itself counts once: its outermost call has the callees, and the callers."""
    letters = {chr(at) for at, name in enumerate(paths.names) if name == asked.function}
    callees: defaultdict[str, int] = defaultdict(int)
    callers: defaultdict[str, int] = defaultdict(int)
    for at in _touched(paths, paths.root, letters):
        text, value = paths.texts[at], paths.sums[at + 1] - paths.sums[at]
        first = min(text.index(letter) for letter in letters if letter in text)
        callees[text[first:]] += value
        callers[text[first::-1]] += value
    if not callees:
        raise BadProfile(f"has no sample of a function {asked.function[:200]!r}")
    below, above = _from_the_first(paths, callees), _from_the_first(paths, callers)
    matched = _matched(below, below.root, asked.search) if asked.search else None
    sides = [frames_of(side, side.called(side.root, 0, 0), asked.share) for side in (below, above)]
    return View(paths.about, (), sides[0], sides[1], matched)


def _from_the_first(paths: Paths, values: Mapping[str, int]) -> Paths:
    """The paths with these values. Names that were cut may be of several letters; here they are one."""
    letter = min(text[0] for text in values)
    same: defaultdict[str, int] = defaultdict(int)
    for text, value in values.items():
        same[letter + text[1:]] += value
    return gathered(paths.about, same, paths.names)


def _matched(paths: Paths, root: Span, search: str) -> int:
    """What was sampled below `root` in functions with this text in their names, and in what they called."""
    wanted = search.casefold()
    letters = {chr(at) for at, name in enumerate(paths.names) if at and wanted in name.casefold()}
    inside = max(root.depth - 1, 0)
    found = _touched(paths, root, letters, inside)
    return sum(paths.sums[at + 1] - paths.sums[at] for at in found)


def _touched(paths: Paths, within: Span, letters: set[str], skipped: int = 0) -> Iterable[int]:
    """The paths that have one of these letters behind the first `skipped`."""
    no = letters.isdisjoint
    return (at for at in range(within.begin, within.end) if not no(paths.texts[at][skipped:]))

"""The frames that a profile itself asks to leave out: drop_frames and keep_frames. For top.py.

Go's own profiles ask for nothing; those of other tools do. The rule is profile/prune.go's of github.com/google/pprof:
the callees of a function that matches go with it, but nothing before the first caller that stays.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.analysis.names import bare, shown
from app.analysis.profile import Function, Location, Profile

NOTHING = "(?!)"


@dataclass(frozen=True, slots=True)
class Pruning:
    """`locations`: those of the profile, some with fewer functions. Stacks are to be sent through stack()."""

    locations: dict[int, Location]
    gone: frozenset[int] = frozenset()  # locations that go, with their callees
    last: frozenset[int] = frozenset()  # locations that stay in part, as the leaf

    def stack(self, ids: Sequence[int]) -> Sequence[int]:
        """The locations of a sample, leaf first, that are left of it."""
        if not (self.gone or self.last):
            return ids
        caller_seen = False
        for at in range(len(ids) - 1, -1, -1):
            touched = ids[at] in self.gone or ids[at] in self.last
            if touched and caller_seen:
                return ids[at + 1 :] if ids[at] in self.gone else ids[at:]
            caller_seen = caller_seen or not touched
        return ids


def pruning(profile: Profile) -> Pruning:
    """Nothing goes when the profile asks for nothing, or, as with pprof, for what is no regular expression."""
    if not profile.drop_frames:
        return Pruning(profile.locations)
    try:
        drops = _dropper(re.compile(profile.drop_frames), re.compile(profile.keep_frames or NOTHING))
    except (re.error, OverflowError, RecursionError):
        return Pruning(profile.locations)
    kept = {id: _outer(location, drops) for id, location in profile.locations.items()}
    touched = {id for id, location in kept.items() if location is not profile.locations[id]}
    gone = frozenset(id for id in touched if not kept[id].functions)
    # A location that goes still stands in the stacks in which it has no caller: there it keeps its functions.
    locations = {id: profile.locations[id] if id in gone else location for id, location in kept.items()}
    return Pruning(locations, gone, frozenset(touched - gone))


def _dropper(drop: re.Pattern[str], keep: re.Pattern[str]) -> Callable[[Function], bool]:
    def drops(function: Function) -> bool:
        name = shown(function.name, function.system_name)
        return bool(name and drop.fullmatch(bare(name)) and not keep.fullmatch(bare(name)))

    return drops


def _outer(location: Location, drops: Callable[[Function], bool]) -> Location:
    """The location with only the callers of its outermost function that goes; itself when none goes."""
    for at in range(len(location.functions) - 1, -1, -1):
        if drops(location.functions[at]):
            return replace(location, functions=location.functions[at + 1 :])
    return location

"""Leaves out the frames that a profile names in drop_frames and keep_frames. For top.py and tree.py.

Profiles of Go name none; those of other tools do. The rule is that of profile/prune.go in github.com/google/pprof: the
callees of a matching function are dropped with it, but nothing before the first caller that stays. The expressions are
Go's, which RE2 reads in nearly all their forms, in linear time.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.analysis.names import bare, shown
from app.analysis.profile import Function, Location, Profile

NOTHING = r"[^\s\S]"
Drops = Callable[[Function], bool]


class Pruning(NamedTuple):
    """What is left of a profile. locations: some have fewer functions than in the profile; stack() shortens stacks."""

    locations: dict[int, Location]
    gone: frozenset[int] = frozenset()  # locations that are dropped with their callees
    last: frozenset[int] = frozenset()  # locations that stay in part, as the leaf of the stack

    def stack(self, ids: Sequence[int]) -> Sequence[int]:
        """The remaining locations of a sample. ids: its locations, leaf first."""
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
    """What the profile drops. Nothing, if drop_frames is empty or, as in pprof, no regular expression."""
    if not profile.drop_frames:
        return Pruning(profile.locations)
    drops = _dropper(profile.drop_frames, profile.keep_frames or NOTHING)
    if drops is None:
        return Pruning(profile.locations)
    kept = {id: _outer(location, drops) for id, location in profile.locations.items()}
    touched = {id for id, location in kept.items() if location is not profile.locations[id]}
    gone = frozenset(id for id in touched if not kept[id].functions)
    # A dropped location stays in stacks where it has no caller, with its functions.
    locations = {id: profile.locations[id] if id in gone else location for id, location in kept.items()}
    return Pruning(locations, gone, frozenset(touched - gone))


def _dropper(drop_frames: str, keep_frames: str) -> Drops | None:
    """Whether a function goes; None if one of the two is no regular expression."""
    import re2  # noqa: PLC0415 - profiles of Go name no frames to drop

    options = re2.Options()
    options.log_errors = False
    try:
        drop, keep = re2.compile(drop_frames, options), re2.compile(keep_frames, options)
    except re2.error:
        return None

    def drops(function: Function) -> bool:
        name = shown(function.name, function.system_name)
        return bool(name and drop.fullmatch(bare(name)) and not keep.fullmatch(bare(name)))

    return drops


def _outer(location: Location, drops: Drops) -> Location:
    """The location with only the callers of its outermost function that goes; itself when none goes."""
    for at in range(len(location.functions) - 1, -1, -1):
        if drops(location.functions[at]):
            return location._replace(functions=location.functions[at + 1 :])
    return location

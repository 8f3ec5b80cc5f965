"""V8's CPU profile in the layout from before Node 8, which v8-profiler and its successors still write: for
cpuprofile.py.

A tree of nodes that hold their children, from `head` on; lines are counted from 1, `startTime` and `endTime` in
seconds, `timestamps` in microseconds. Where there is a timestamp more than samples, it is the end.
"""

from typing import Any, Final

from app.analysis import json_file
from app.analysis.profile import BadProfile

SECOND: Final = 10**6  # microseconds


def is_older(profile: dict[str, Any]) -> bool:
    """Whether the profile has this layout."""
    return "head" in profile and "nodes" not in profile


def in_todays_layout(profile: dict[str, Any]) -> dict[str, Any]:
    """The profile as Profiler.Profile of the DevTools protocol has it. Raises BadProfile with the place."""
    times = [json_file.number(at, "timestamps") for at in json_file.items(profile.get("timestamps"), "timestamps")]
    samples = json_file.items(profile.get("samples"), "samples")
    made: dict[str, Any] = {"nodes": _nodes(profile["head"]), "samples": samples}
    if not times:
        return made
    if not len(samples) <= len(times) <= len(samples) + 1:
        raise BadProfile(f"timestamps are {len(times)}, but there are {len(samples)} samples")
    end = json_file.number(profile.get("endTime", 0), "endTime", SECOND)
    deltas = [at - before for before, at in zip([0, *times], times[: len(samples)], strict=False)]
    return made | {"startTime": 0, "timeDeltas": deltas, "endTime": max(end, times[-1])}


def _nodes(head: Any) -> list[dict[str, Any]]:
    """All nodes of the tree, each with the id of its parent."""
    found: list[dict[str, Any]] = []
    waiting: list[tuple[Any, Any]] = [(head, None)]
    while waiting:
        value, parent = waiting.pop()
        node = json_file.fields(value, "a node of head")
        line = node.get("lineNumber")
        frame = node | {"lineNumber": line - 1 if isinstance(line, int) else None}
        made = {"id": node.get("id"), "callFrame": frame, "hitCount": node.get("hitCount", 0)}
        found.append(made if parent is None else made | {"parent": parent})
        waiting += [(child, node.get("id")) for child in json_file.items(node.get("children"), "children of a node")]
    return found

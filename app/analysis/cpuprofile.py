"""V8's CPU profile, as `node --cpu-prof`, the inspector and Chrome's developer tools save it. For convert.py.

The fields are those of Profiler.Profile in the DevTools protocol: a tree of nodes, the node of each sample, and the
microseconds between samples. For an older layout see cpuprofile_older.py. The main thread is sampled whether it runs or
waits; waiting is the node `(idle)`.
"""

from collections import Counter
from itertools import accumulate, pairwise
from typing import Any, BinaryIO, Final

from app.analysis import json_file
from app.analysis.cpuprofile_older import in_todays_layout, is_older
from app.analysis.profile import BadProfile, ValueType
from app.analysis.stacks import CPU, SAMPLES, Frame, Options, Stacks

WALL: Final = ValueType("wall", "nanoseconds")
IDLE: Final = b"(idle)"
ROOT: Final = b"(root)"  # of the tree; no function
ANONYMOUS: Final = b"(anonymous)"
MICROSECOND: Final = 1000  # nanoseconds


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks in `file`: samples, and where it has their times the wall-clock time of all and, as cpu, that of those
    that are not idle.

    A sample lasts until the next one, the last one until the end. Raises BadProfile with the place.
    """
    del options  # the file tells
    profile = json_file.fields(json_file.load(file), "the file")
    if is_older(profile):
        profile = in_todays_layout(profile)
    if "nodes" not in profile:
        raise BadProfile("no CPU profile of V8: it has no nodes")
    nodes = Nodes(profile["nodes"])
    listed = json_file.items(profile.get("samples"), "samples")
    samples = [nodes.known(id, f"samples[{at}]") for at, id in enumerate(listed)]
    times = _times(profile, samples)
    hits = Counter(samples) if samples else nodes.hits
    stacks = Stacks(SAMPLES, WALL, CPU) if times is not None else Stacks(SAMPLES)
    for at, (id, count) in enumerate(hits.items()):
        frames, values = nodes.stack(id), {SAMPLES: count}
        if times is not None:
            busy = not (frames and frames[0].function == IDLE)
            values |= {WALL: times[id], CPU: times[id] if busy else 0}
        stacks.add(at + 1, frames, values)
    return stacks


def _times(profile: dict[str, Any], samples: list[int]) -> Counter[int] | None:
    """The nanoseconds of each node; None without times. Samples may be out of order: their differences are negative."""
    deltas = json_file.items(profile.get("timeDeltas"), "timeDeltas")
    if not deltas:
        return None
    if len(deltas) != len(samples):
        raise BadProfile(f"timeDeltas are {len(deltas)}, but there are {len(samples)} samples")
    start = json_file.number(profile.get("startTime", 0), "startTime")
    ends = accumulate((json_file.number(delta, f"timeDeltas[{at}]") for at, delta in enumerate(deltas)), initial=start)
    next(ends)
    begun = sorted(zip(ends, samples, strict=True), key=lambda each: each[0])
    end = json_file.number(profile.get("endTime", start), "endTime")
    times: Counter[int] = Counter()
    for (this, id), (following, _) in pairwise([*begun, (max(end, begun[-1][0]), 0)]):
        times[id] += (following - this) * MICROSECOND
    return times


class Nodes:
    """The tree of calls. Children are named by their parents (`children`) or their parents by them (`parent`)."""

    def __init__(self, value: Any) -> None:
        self._frames: dict[int, Frame] = {}
        self._parents: dict[int, int] = {}
        self.hits: Counter[int] = Counter()
        for at, node in enumerate(json_file.items(value, "nodes")):
            self._add(json_file.fields(node, f"nodes[{at}]"), f"nodes[{at}]")

    def _add(self, node: dict[str, Any], where: str) -> None:
        id = json_file.number(node.get("id"), f"{where}.id")
        self._frames[id] = _frame(json_file.fields(node.get("callFrame"), f"{where}.callFrame"))
        if hits := json_file.number(node.get("hitCount", 0), f"{where}.hitCount"):
            self.hits[id] = hits
        if "parent" in node:
            self._parents[id] = json_file.number(node["parent"], f"{where}.parent")
        for child in json_file.items(node.get("children"), f"{where}.children"):
            self._parents[json_file.number(child, f"{where}.children")] = id

    def known(self, id: Any, where: str) -> int:
        """The id, if there is such a node. Raises BadProfile."""
        if not isinstance(id, int) or id not in self._frames:
            raise BadProfile(f"{where} is of no node")
        return id

    def stack(self, id: int) -> list[Frame]:
        """The frames of a node, leaf first. Raises BadProfile for a node that is among its own callers."""
        frames: list[Frame] = []
        at: int | None = id
        while at is not None and at in self._frames:
            if len(frames) > len(self._frames):
                raise BadProfile(f"the node {id} is among its own callers")
            frames.append(self._frames[at])
            at = self._parents.get(at)
        return frames[:-1] if len(frames) > 1 and frames[-1].function == ROOT else frames


def _frame(call: dict[str, Any]) -> Frame:
    """Lines are counted from 0; -1 for what is no function of a script."""
    at = call.get("lineNumber")
    line = json_file.line(at + 1 if isinstance(at, int) else 0)
    return Frame(json_file.text(call.get("functionName")) or ANONYMOUS, json_file.text(call.get("url")), line)

"""A reading in a process of its own: what it says to the service, and hears from it (app/analysis/memory_reader.py).

    {"wanted": [["exe", START, SIZE], ["mem", START, SIZE]]}    one request: a line on stdout
    {"areas": [[START, LIMIT, PERMISSIONS, OFFSET, INODE]]}     its answer: a line on stdin, then the ranges' bytes

So what a host sends is decoded where it can harm nothing, and is never in a file.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, TypeVar

from app.analysis.goheap.buckets import Profiled
from app.analysis.goheap.profile import pprofs_of
from app.analysis.goheap.ranges import Answer, Area, Range, Reading, Unreadable, Unsteady
from app.analysis.goheap.reading import read_profiles

Json = dict[str, Any]
T = TypeVar("T")
Say = Callable[[Json], None]


def read_memory(request: Json, now: Callable[[], int], heard: BinaryIO, say: Say) -> tuple[Json, dict[str, bytes]]:
    """The last line of the dialogue, and a pprof file of each kind; none where that line says why.

    request: go_version, code, file, as read_profiles and pprofs_of take them; now: the time in nanoseconds"""
    try:
        read = driven(read_profiles(request["go_version"], request["code"]), heard, say)
        made = pprofs_of(read, request["file"], now())
    except Unreadable as why:
        return {"unreadable": str(why)}, {}
    except Unsteady as why:
        return {"unsteady": str(why)}, {}
    stacks = {Profiled.HEAP: len(read.listed.heap)} | {each: len(delays) for each, delays in read.listed.delays.items()}
    said = {"stacks": _named(stacks), "left_out": _named(read.listed.left_out)}
    return said, _named(made)


def _named(by_kind: Mapping[Profiled, T]) -> dict[str, T]:
    return {profiled.name.lower(): each for profiled, each in by_kind.items()}


def driven(reading: Reading[T], heard: BinaryIO, say: Say) -> T:
    """The result of a reading, which is told what it asks for."""
    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(answer_of(wanted, heard, say))
    except StopIteration as done:
        read: T = done.value
        return read


def answer_of(wanted: Sequence[Range], heard: BinaryIO, say: Say) -> Answer:
    """What the service answers to one request."""
    say({"wanted": wanted})
    areas = json.loads(heard.readline())["areas"]
    return Answer(tuple(heard.read(each.size) for each in wanted), tuple(Area(*area) for area in areas))

"""A reading in a process of its own: what it says to the service, and hears from it (app/analysis/memory_reader.py).

    {"wanted": [["exe", START, SIZE], ["mem", START, SIZE]]}    one request: a line on stdout
    {"areas": [[START, LIMIT, PERMISSIONS, OFFSET, INODE]]}     its answer: a line on stdin, then the ranges' bytes

So what a host sends is decoded where it can harm nothing, and is never in a file.
"""

import json
from collections.abc import Callable
from typing import Any, BinaryIO

from app.analysis.goheap.profile import pprof_of
from app.analysis.goheap.ranges import Answer, Area, Range, Reading, Unreadable, Unsteady
from app.analysis.goheap.reading import Heap, read_heap

Json = dict[str, Any]
Say = Callable[[Json], None]


def read_memory(request: Json, now: Callable[[], int], heard: BinaryIO, say: Say) -> tuple[Json, bytes]:
    """The last line of the dialogue, and a pprof file, empty where that line says why there is none.

    request: go_version, code, file, as read_heap and pprof_of take them; now: the time in nanoseconds"""
    try:
        heap = _driven(read_heap(request["go_version"], request["code"]), heard, say)
        made = pprof_of(heap, request["file"], now())
    except Unreadable as why:
        return {"unreadable": str(why)}, b""
    except Unsteady as why:
        return {"unsteady": str(why)}, b""
    return {"stacks": len(heap.records)}, made


def _driven(reading: Reading[Heap], heard: BinaryIO, say: Say) -> Heap:
    try:
        wanted = next(reading)
        while True:
            say({"wanted": wanted})
            wanted = reading.send(_answer(heard, wanted))
    except StopIteration as done:
        heap: Heap = done.value
        return heap


def _answer(heard: BinaryIO, wanted: tuple[Range, ...]) -> Answer:
    areas = json.loads(heard.readline())["areas"]
    return Answer(tuple(heard.read(each.size) for each in wanted), tuple(Area(*area) for area in areas))

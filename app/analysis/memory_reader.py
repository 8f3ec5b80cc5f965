"""Has a process's memory read (goheap/) by a process of its own, as isolate.py does for files.

Called by heap_reading.py in app/profilers. The bytes go through a pipe: none of them is in a file.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from app.analysis import isolate
from app.analysis.child import Json, Limits
from app.analysis.goheap.ranges import Answer, Range, Source, Unreadable, Unsteady
from app.analysis.readers import Reader, start_reader
from app.errors import Code, Retryable

REQUESTS_AT_MOST, RANGES_AT_MOST = 64, 64  # of one reading, and of one request
BYTES_AT_MOST = 127 << 20  # of one request; a gate sends no more than 128 MiB of whole pages
ADDRESSES = 1 << 56  # more than any machine's memory or file has

Fetch = Callable[[Sequence[Range]], Answer]  # what a process's memory and its executable hold


class Program(NamedTuple):
    """go_version: such as go1.26.8; code: an address of its code, as /proc/PID/stat has it; file: the executable's
    path, as the profile will name it"""

    go_version: str
    code: int
    file: str


def read_memory(program: Program, out: Path, fetch: Fetch, *, limits: Limits = isolate.LIMITS) -> tuple[int, int]:
    """Writes the memory profile of a running Go program to `out`, as pprof. Returns how many stacks it has, and how
    many requests it took.

    Raises Unreadable if there is none or it cannot be believed, Unsteady if it changed each time that it was read,
    Retryable when `out` cannot be written or no process be started, and whatever `fetch` raises. Then `out` does not
    exist."""
    reader = start_reader()
    try:
        return _talk(reader, {"do": "memory", "paths": [str(out.absolute())], **program._asdict()}, fetch, limits)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    finally:
        reader.end()


def _talk(reader: Reader, request: Json, fetch: Fetch, limits: Limits) -> tuple[int, int]:
    said = _told(reader, isolate.asking(request, limits), limits)
    requests = 0
    while "wanted" in said:
        wanted, requests = _wanted(said["wanted"]), requests + 1
        if requests > REQUESTS_AT_MOST:
            raise Unreadable("has a memory profile that takes too many requests to read")
        answer = fetch(wanted)
        head = json.dumps({"areas": answer.areas}).encode() + b"\n"
        said = _told(reader, b"".join((head, *answer.pieces)), limits)
    if why := said.get("unreadable"):
        raise Unreadable(why)
    if why := said.get("unsteady"):
        raise Unsteady(why)
    if why := said.get("bad"):
        raise Unreadable(f"has a memory profile that {why}")
    if why := said["unwritten"]:
        raise Retryable(Code.COLLECT_FAILED, f"the heap profile cannot be written: {why}")
    return int(said["stacks"]), requests


def _told(reader: Reader, data: bytes, limits: Limits) -> Json:
    """What the reading process says next. Its last words are not told: they might be of what it read."""
    try:
        line = reader.exchange(data, monotonic() + limits.wall_seconds)
    except TimeoutError:
        raise Unreadable(f"has a memory profile that {isolate.too_long(limits)}") from None
    if not line.endswith(b"\n"):
        raise Unreadable(f"has a memory profile that {reader.why(limits, last_words=False)}")
    try:
        said: Json = json.loads(line)
    except ValueError as error:
        raise Unreadable("has a memory profile that spoiled the process that reads it") from error
    return said


def _wanted(said: Sequence[Sequence[object]]) -> tuple[Range, ...]:
    """The ranges that the process asks for: it has read what nobody vouches for."""
    ranges = tuple(Range(Source(str(source)), int(str(start)), int(str(size))) for source, start, size in said)
    within = all(0 <= each.start < ADDRESSES and each.size > 0 for each in ranges)
    if not (within and 0 < len(ranges) <= RANGES_AT_MOST and sum(each.size for each in ranges) <= BYTES_AT_MOST):
        raise Unreadable("has tables that point to more memory than is read")
    return ranges

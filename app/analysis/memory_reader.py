"""Has a process's memory read (goheap/) by a process of its own, as reading_process.py does for files.

Called by heap_reading.py in app/profilers. The bytes go through a pipe: none of them is in a file.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from app.analysis import reading_process
from app.analysis.child import Json, Limits
from app.analysis.goheap.ranges import Answer, Range, Source, Unreadable, Unsteady
from app.analysis.readers import Reader, start_reader
from app.analysis.reading_process import LIMITS
from app.errors import Code, Retryable
from app.model import Kind

KINDS = (Kind.HEAP, Kind.BLOCK, Kind.MUTEX)
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


class Read(NamedTuple):
    """stacks: how many the profile of each kind has; left_out: why one is missing; requests: how many it took"""

    stacks: Mapping[Kind, int]
    left_out: Mapping[Kind, str]
    requests: int


def read_memory(program: Program, folder: Path, suffix: str, fetch: Fetch, *, limits: Limits = LIMITS) -> Read:
    """Writes the profiles that the runtime of a Go program keeps into a folder, as pprof files: their names are the
    kind and the suffix.

    Raises Unreadable if there is no heap profile or it cannot be believed, Unsteady if it changed each time that it was
    read, Retryable when no file can be written or no process be started, and whatever `fetch` raises. Then there is
    none of the files."""
    request = {"do": "memory", "paths": [str(folder.absolute())], "suffix": suffix, **program._asdict()}
    reader = start_reader()
    try:
        return _talk(reader, request, fetch, limits)
    except BaseException:
        for kind in KINDS:
            (folder / f"{kind.value}{suffix}").unlink(missing_ok=True)
        raise
    finally:
        reader.end()


def _talk(reader: Reader, request: Json, fetch: Fetch, limits: Limits) -> Read:
    said = _told(reader, reading_process.asking(request, limits), limits)
    requests = 0
    while "wanted" in said:
        wanted, requests = _wanted(said["wanted"]), requests + 1
        if requests > REQUESTS_AT_MOST:
            raise Unreadable("has a memory profile that takes too many requests to read")
        answer = fetch(wanted)
        head = json.dumps({"areas": answer.areas}).encode() + b"\n"
        said = _told(reader, b"".join((head, *answer.pieces)), limits)
    with _doubted():
        return _result(said, requests)


def _result(said: Json, requests: int) -> Read:
    if why := said.get("unreadable"):
        raise Unreadable(why)
    if why := said.get("unsteady"):
        raise Unsteady(why)
    if why := said.get("bad"):
        raise Unreadable(f"has a memory profile that {why}")
    if said["unwritten"]:
        raise Retryable(Code.COLLECT_FAILED, f"the heap profile cannot be written: {said['unwritten'][0]}")
    stacks, left_out = ({Kind(kind): each for kind, each in said[key].items()} for key in ("stacks", "left_out"))
    return Read(stacks, left_out, requests)


@contextmanager
def _doubted() -> Iterator[None]:
    """Around what the process says: it has read what nobody vouches for."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable("has a memory profile that spoiled the process that reads it") from error


def _told(reader: Reader, data: bytes, limits: Limits) -> Json:
    """What the reading process says next. Its last words are not told: they might be of what it read."""
    try:
        line = reader.exchange(data, monotonic() + limits.wall_seconds)
    except TimeoutError:
        raise Unreadable(f"has a memory profile that {reading_process.too_long(limits)}") from None
    if not line.endswith(b"\n"):
        raise Unreadable(f"has a memory profile that {reader.why(limits, last_words=False)}")
    with _doubted():
        return dict(json.loads(line))


def _wanted(said: Sequence[Sequence[object]]) -> tuple[Range, ...]:
    """The ranges that the process asks for."""
    with _doubted():
        ranges = tuple(Range(Source(str(source)), int(str(start)), int(str(size))) for source, start, size in said)
    within = all(0 <= each.start < ADDRESSES and each.size > 0 for each in ranges)
    if not (within and 0 < len(ranges) <= RANGES_AT_MOST and sum(each.size for each in ranges) <= BYTES_AT_MOST):
        raise Unreadable("has tables that point to more memory than is read")
    return ranges

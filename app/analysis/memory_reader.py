"""Has a process's memory read (goheap/) by a process of its own, as reading_process.py does for files.

Called by heap_reading.py in app/profilers. The bytes go through a pipe: none of them is in a file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from app.analysis.asking_back import Dialogue, Fetch
from app.analysis.child import Json, Limits
from app.analysis.goheap.ranges import Unsteady
from app.analysis.reading_process import LIMITS
from app.errors import Code, Retryable
from app.model import Kind

KINDS = (Kind.HEAP, Kind.BLOCK, Kind.MUTEX)
REQUESTS_AT_MOST = 64


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
    dialogue = Dialogue("a memory profile", REQUESTS_AT_MOST, limits)
    try:
        said, requests = dialogue.talk(request, fetch)
        with dialogue.doubted():
            return _result(said, requests)
    except BaseException:
        for kind in KINDS:
            (folder / f"{kind.value}{suffix}").unlink(missing_ok=True)
        raise


def _result(said: Json, requests: int) -> Read:
    if why := said.get("unsteady"):
        raise Unsteady(why)
    if said["unwritten"]:
        raise Retryable(Code.COLLECT_FAILED, f"the heap profile cannot be written: {said['unwritten'][0]}")
    stacks, left_out = ({Kind(kind): each for kind, each in said[key].items()} for key in ("stacks", "left_out"))
    return Read(stacks, left_out, requests)

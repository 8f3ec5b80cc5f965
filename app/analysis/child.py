"""The process that reads profiles: `python -m app.analysis.child`, started by isolate.py and readers.py.

It gets requests on stdin, each a line of JSON, limits itself before it opens a file, and answers on stdout with one
JSON line per file. So a file that ends the process costs no other file its answer. It ends when stdin does.
"""

import gc
import json
import math
import os
import resource
import sys
import time
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Final

from app.analysis.convert import Format, convert
from app.analysis.facts import as_json, facts
from app.analysis.merge import merged
from app.analysis.profile import BadProfile, read_file
from app.analysis.stacks import Options
from app.analysis.top import top
from app.analysis.tree import tree
from app.analysis.verdict import check
from app.model import Kind

MOST_ANSWERED: Final = 16 << 20  # bytes, of all answers, and of a file that is written
NICENESS: Final = 10

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may cost. A timeout of `wall_seconds` also counts for a machine that is busy."""

    memory: int = 1 << 30  # bytes of address space
    cpu_seconds: int = 30
    wall_seconds: float = 120.0


def _limit(memory: int) -> None:
    _lower(resource.RLIMIT_AS, memory)
    _lower(resource.RLIMIT_FSIZE, MOST_ANSWERED)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(what: int, most: int) -> None:
    """Only the soft limit: at the hard limit of processor time the kernel kills the process without a sign."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(request: Json, at: int, memory: int) -> Json:
    try:
        path = Path(request["paths"][at])
        return _compared(request, path) if "base" in request else _done(request, at, path)
    except MemoryError:
        return {"bad": f"needs more than {memory >> 20} MiB of memory to read"}
    except BadProfile as error:
        return {"bad": str(error)}


def _done(request: Json, at: int, path: Path) -> Json:
    match request["do"]:
        case "check":
            return {"bad": check(Kind(request["kinds"][at]), path)}
        case "mapped":
            return {"mapped": [astuple(each) for each in read_file(path).mapped]}
        case "facts":
            return as_json(facts(path))
        case "top" | "tree":
            return _shown(request, path)
        case "merge":
            return {"unwritten": _write(merged([path, *map(Path, request["more"])]), Path(request["out"]))}
        case _:
            made = convert(Format(request["format"]), path, Options(**request["options"]), most=MOST_ANSWERED)
            unwritten = _write(made.data, Path(request["out"]))
            return {"unwritten": unwritten, "kind": made.kind, "nanoseconds": made.nanoseconds, "note": made.note}


def _compared(request: Json, path: Path) -> Json:
    # most readers never compare
    from app.analysis.diff.files import table_of_files, tree_of_files  # noqa: PLC0415
    from app.analysis.diff.normalize import Normalize  # noqa: PLC0415

    base, normalize = Path(request["base"]), request["normalize"] and Normalize(request["normalize"])
    if request["do"] == "diff":
        return {"diff": asdict(table_of_files(path, base, request["n"], request["type"], normalize))}
    found = tree_of_files(path, base, request["type"], normalize)
    return {"tree": {**asdict(found), "nodes": [astuple(node) for node in found.nodes]}}


def _shown(request: Json, path: Path) -> Json:
    if request["do"] == "top":
        return {"top": asdict(top(read_file(path), request["n"], request["type"]))}
    made = tree(read_file(path), request["type"])
    return {"tree": {**asdict(made), "nodes": [astuple(node) for node in made.nodes]}}


def _write(data: bytes, out: Path) -> str | None:
    """None once it is written, otherwise why it cannot be; that is no fault of the profile."""
    try:
        out.write_bytes(data)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _answered(request: Json) -> None:
    limits = Limits(**request["limits"])
    _limit(limits.memory)
    for at in range(len(request["paths"])):
        _lower(resource.RLIMIT_CPU, math.ceil(time.process_time()) + limits.cpu_seconds)
        print(json.dumps(_answer(request, at, limits.memory)), flush=True)  # noqa: T201


def main() -> None:
    """Answers the requests on stdin."""
    os.nice(NICENESS)
    gc.disable()  # nothing that is read is a cycle, and the collector would walk over half a million objects
    for line in sys.stdin.buffer:
        _answered(json.loads(line))


if __name__ == "__main__":
    main()

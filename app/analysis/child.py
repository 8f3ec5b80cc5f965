"""The process that reads profiles, started by isolate.py, readers.py and asking_back.py.

It gets requests on stdin, each a line of JSON, limits itself before it opens a file, and answers on stdout with one
JSON line per file. So a file that ends the process costs no other file its answer. It ends when stdin does.

It imports only what a request needs: imports would take most of its time. So the paths in it are of type str.
"""

import gc
import json
import math
import os
import resource
import sys
import time
from typing import Any, Final, NamedTuple, NoReturn

from app.analysis.profile import BadProfile, read_file

MOST_ANSWERED: Final = 16 << 20  # bytes, of all answers, and of a file that is written
NICENESS: Final = 10
URGENT: Final = "memory"  # is of a process that may be killed within seconds

Json = dict[str, Any]


class Limits(NamedTuple):
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
        return HANDLERS.get(request["do"], _done)(request, at, request["paths"][at])
    except MemoryError:
        return {"bad": f"needs more than {memory >> 20} MiB of memory to read"}
    except BadProfile as error:
        return {"bad": str(error)}


def _done(request: Json, at: int, path: str) -> Json:
    match request["do"]:
        case "check":
            from app.analysis.verdict import check

            return {"bad": check(request["kinds"][at], path)}
        case "mapped":
            return {"mapped": read_file(path).mapped}
        case "top":
            from app.analysis.top import top

            return {"top": top(read_file(path), request["n"], request["type"])._asdict()}
        case "tree":
            from app.analysis.tree import tree

            return {"tree": tree(read_file(path), request["type"])._asdict()}
        case "merge":
            from app.analysis.merge import merged

            return {"unwritten": _write(merged([path, *request["more"]]), request["out"])}
        case _:
            return _converted(request, path)


def _facts(request: Json, _at: int, path: str) -> Json:
    from pathlib import Path

    from app.analysis.facts import as_json, facts

    return as_json(facts(Path(path), request["module"]), stacks=request["stacks"])


def _compared(request: Json, _at: int, path: str) -> Json:
    from dataclasses import asdict
    from pathlib import Path

    from app.analysis.diff.files import table_of_files, tree_of_files
    from app.analysis.diff.normalize import Normalize

    files, wanted = (Path(path), Path(request["base"])), request["type"]
    normalize = request["normalize"] and Normalize(request["normalize"])
    if request["do"] == "diff":
        return {"diff": asdict(table_of_files(*files, request["n"], wanted, normalize))}
    return {"tree": asdict(tree_of_files(*files, wanted, normalize))}


def _memory(request: Json, _at: int, folder: str) -> Json:
    from app.analysis.goheap.dialogue import read_memory

    said, made = read_memory(request, time.time_ns, sys.stdin.buffer, _say)
    unwritten = [why for kind, data in made.items() if (why := _write(data, f"{folder}/{kind}{request['suffix']}"))]
    return said | {"unwritten": unwritten}


def _calls(request: Json, _at: int, _path: str) -> Json:
    from app.analysis.dwarf.dialogue import read_calls

    return read_calls(request, sys.stdin.buffer, _say)


def _peek(request: Json, _at: int, path: str) -> Json:
    from app.analysis.peek import peek

    return {"peek": peek(read_file(path), request["function"], request["n"], request["type"])._asdict()}


def _unnamed(_request: Json, _at: int, path: str) -> Json:
    from app.analysis.unnamed import unnamed

    return {"unnamed": unnamed(read_file(path))}


def _symbolized(request: Json, _at: int, path: str) -> Json:
    from app.analysis.symbolize import symbolized
    from app.analysis.unnamed import Named

    names = {int(address): [Named(*each) for each in chain] for address, chain in request["names"].items()}
    return {"unwritten": _write(symbolized(path, names), request["out"])}


def _indexed(request: Json, _at: int, path: str) -> Json:
    from app.analysis.flame.index import paths_of
    from app.analysis.flame.paths import packed

    return {"unwritten": _write(packed(paths_of(read_file(path), request["type"])), request["out"])}


def _viewed(request: Json, _at: int, path: str) -> Json:
    from app.analysis.flame.asked import Asked, view_of
    from app.analysis.flame.kept import kept
    from app.analysis.flame.view import as_json

    view = view_of(kept(path), Asked(**request["asked"]))
    if request["as"] == "json":
        return {"sample_type": view.sample_type, "json": as_json(view)}
    return {"view": view._asdict()}


HANDLERS: Final = {
    "calls": _calls,
    "unnamed": _unnamed,
    "symbolize": _symbolized,
    "facts": _facts,
    "peek": _peek,
    "diff": _compared,
    "diff-tree": _compared,
    "flame-index": _indexed,
    "flame": _viewed,
    URGENT: _memory,
}


def _converted(request: Json, path: str) -> Json:
    from pathlib import Path

    from app.analysis.convert import Format, convert
    from app.analysis.stacks import Options

    made = convert(Format(request["format"]), Path(path), Options(**request["options"]), most=MOST_ANSWERED)
    unwritten = _write(made.data, request["out"])
    return {"unwritten": unwritten, "kind": made.kind, "nanoseconds": made.nanoseconds, "note": made.note}


def _write(data: bytes, out: str) -> str | None:
    """None once it is written, otherwise why it cannot be; that is no fault of the profile."""
    try:
        with open(out, "wb") as file:
            file.write(data)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _answered(request: Json) -> None:
    limits = Limits(**request["limits"])
    _limit(limits.memory)
    for at in range(len(request["paths"])):
        _lower(resource.RLIMIT_CPU, math.ceil(time.process_time()) + limits.cpu_seconds)
        _say(_answer(request, at, limits.memory))


def _say(answer: Json) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201


def main() -> NoReturn:
    """Answers the requests on stdin."""
    gc.disable()  # nothing that is read is a cycle, and the collector would walk over half a million objects
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["do"] != URGENT and os.nice(0) < NICENESS:
            os.nice(NICENESS)
        _answered(request)
    os._exit(0)  # everything is written; taking apart what was read would take longer than reading a small file

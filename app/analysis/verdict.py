"""Is a collected file a complete one of its kind? Checked before a capture counts as completed.

A process on a full disk, or one that SIGTERM ended, leaves empty or truncated files without any message. isolate.py
runs this in a process of its own, because the files are not trusted.
"""

import os
import re
from collections.abc import Mapping
from typing import Final

from app.analysis.profile import BadProfile, read_file
from app.analysis.shapes import CONTENTION, kind_of

TRACE_HEADER = re.compile(rb"go 1\.(\d trace\0\0\0\0|\d\d trace\0\0\0)")  # 16 bytes; internal/trace/version
ALL_STACKS = rb"goroutine \d+ [^\n]*\[[^\n]+:\n"  # debug=2; gp=… and m=… may follow the number
DUMPS = {  # debug=2 of goroutineleak lists all goroutines, too, and marks those that leak as (leaked)
    kind: re.compile(ALL_STACKS + rb"|%s profile: total \d+\n" % kind.encode())
    for kind in ("goroutine", "goroutineleak")
}
OF_KIND: Final[Mapping[str, str]] = {  # kinds of artifacts, and what shapes.py calls them
    "cpu": "cpu",
    "heap": "heap",
    "allocs": "heap",
    "mutex": CONTENTION,
    "block": CONTENTION,
    "threadcreate": "threadcreate",
    "goroutine": "goroutine",
    "goroutineleak": "goroutineleak",
}
HEAD = 4096  # bytes of a text; enough for its first line


def check(kind: str, path: str | os.PathLike[str]) -> str | None:
    """None for a complete file of that kind, otherwise a sentence why it is not.

    A profile without samples is valid: the process was idle. Files of kinds without a format (evidence, log, other)
    only have to be non-empty.
    """
    try:
        return _check(kind, path)
    except BadProfile as bad:
        return str(bad)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def is_dump(kind: str, path: str | os.PathLike[str]) -> bool:
    """Whether the file begins as a text of goroutines does. Reads its first bytes only."""
    return kind in DUMPS and DUMPS[kind].match(_head(path)) is not None


def _check(kind: str, path: str | os.PathLike[str]) -> str | None:
    if os.stat(path).st_size == 0:
        return "empty: 0 bytes"
    if kind == "trace":
        return _trace(path)
    if is_dump(kind, path):
        return None
    return _pprof(kind, path) if kind in OF_KIND else None


def _head(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD)


def _trace(path: str | os.PathLike[str]) -> str | None:
    head = _head(path)
    if not TRACE_HEADER.match(head):
        return "not an execution trace: it does not begin with `go 1.NN trace`"
    return "an execution trace without events: nothing follows its header" if len(head) == 16 else None


def _pprof(kind: str, path: str | os.PathLike[str]) -> str | None:
    found = kind_of(read_file(path))
    return None if found == OF_KIND[kind] else f"a pprof profile, but one of the kind {found}, not {kind}"

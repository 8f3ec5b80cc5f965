"""Is a file that came home what it is meant to be? The pipeline asks before it calls a capture a success.

A profiled process on a full disk, or ended by SIGTERM, leaves files that are empty or cut and says nothing.
isolate.py runs this apart, since the files come from a stranger's process.
"""

import re
from pathlib import Path

from app.analysis.profile import BadProfile, read_file
from app.analysis.shapes import OF_KIND, kind_of
from app.model import Kind

TRACE_HEADER = re.compile(rb"go 1\.(\d trace\0\0\0\0|\d\d trace\0\0\0)")  # 16 bytes; internal/trace/version
DUMP = re.compile(rb"goroutine \d+ [^\n]*\[[^\n]+:\n")  # debug=2; a frame's worth of gp= and m= may stand between
COUNTED_DUMP = re.compile(rb"goroutine profile: total \d+\n")  # debug=1
HEAD = 4096  # of a text: enough for its first line


def check(kind: Kind, path: Path) -> str | None:
    """None: the file is a whole one of that kind. Otherwise a plain sentence why it is no good.

    A profile in which nothing was sampled is good: the process was idle. Kinds that have no form of their own
    (evidence, log, other) have to be non-empty only.
    """
    try:
        return _check(kind, path)
    except BadProfile as bad:
        return str(bad)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _check(kind: Kind, path: Path) -> str | None:
    if path.stat().st_size == 0:
        return "empty: 0 bytes"
    if kind is Kind.TRACE:
        return _trace(path)
    if kind is Kind.GOROUTINE and _is_dump(_head(path)):
        return None
    return _pprof(kind, path) if kind in OF_KIND else None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _trace(path: Path) -> str | None:
    head = _head(path)
    if not TRACE_HEADER.match(head):
        return "not an execution trace: it does not begin with `go 1.NN trace`"
    return "an execution trace without events: nothing follows its header" if len(head) == 16 else None


def _is_dump(head: bytes) -> bool:
    return bool(DUMP.match(head) or COUNTED_DUMP.match(head))


def _pprof(kind: Kind, path: Path) -> str | None:
    found = kind_of(read_file(path))
    return None if found == OF_KIND[kind] else f"a pprof profile, but one of the kind {found}, not {kind}"

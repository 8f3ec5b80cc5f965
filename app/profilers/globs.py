"""The places where a process leaves its files: globs of the configuration, and the same for the gate's script. Pure.

A glob is a path as the process sees it. `*` and `?` match within one part of the path. `{tmp}` at the beginning is the
process's TMPDIR, `{pid}` its own pid.
"""

import re
import shlex

PART = re.compile(r"(\{[A-Za-z_][A-Za-z0-9_]*\}|[*?]+)")


def check_glob(glob: str) -> None:
    """Raises ValueError for a glob that names no place of files or matches any file."""
    for part in PART.findall(glob):
        if part not in ("{tmp}", "{pid}") and part.startswith("{"):
            raise ValueError(f"signal: files: {part} is no placeholder; there are {{tmp}} and {{pid}}")
    if not glob.isprintable() or not glob or glob.endswith("/") or "{tmp}" in glob.removeprefix("{tmp}/"):
        raise ValueError(f"signal: files: {glob[:80]!r} is no path of files; {{tmp}}/ stands at the beginning only")
    if not PART.sub("", glob.rpartition("/")[2]):
        raise ValueError(f"signal: files: {glob[:80]!r} would take any file; write a part of its name")


def shell_glob(glob: str) -> str:
    """The glob as a word of the gate's script, below the process's root. Everything but `*`, `?` and the placeholders
    is quoted."""
    if glob.startswith("{tmp}/"):
        below = 'root"$tmp"'
    elif glob.startswith("/"):
        below = "root"
    else:
        below = 'root"$dir"/'
    parts = PART.split(glob.removeprefix("{tmp}"))
    return below + "".join(_shell_part(part) for part in parts if part)


def _shell_part(part: str) -> str:
    if part == "{pid}":
        return '"$ns"'
    return part if PART.fullmatch(part) else shlex.quote(part)

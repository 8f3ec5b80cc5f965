"""How `go tool pprof` names a function. For top.py and prune.py.

The heuristics, including the surprising ones, are those of github.com/google/pprof: internal/symbolizer (demangling),
internal/graph (places without a name), profile/prune.go.
"""

import re

LONGEST = 4096  # characters
MANGLED = ("_Z", "_R")  # C++ and Rust
NOT_AN_ARGUMENT_LIST = re.compile(r"\(anonymous namespace\)|operator\(\)|(\()")


def shown(name: str, system_name: str) -> str:
    """A function's name: the demangled one, without parameters and templates of C++. Only the process that reads
    profiles calls it: the demangler is native code."""
    if name and name != system_name:
        return name
    if system_name.startswith(MANGLED):
        from app.analysis.mangled import readable  # noqa: PLC0415 - few profiles have such names

        if (found := readable(system_name)) != system_name:
            return found
    if not _looks_like_cpp(system_name):
        return system_name
    return _without(_without(system_name, "(", ")"), "<", ">")


def _looks_like_cpp(name: str) -> bool:
    """True also for Go names with type parameters, `main.Map[...]`, except methods, `main.(*T[...]).Get`."""
    return ".<" not in name and "])." not in name and (not set("<>[]").isdisjoint(name) or "::" in name)


def _without(name: str, opening: str, closing: str) -> str:
    """`name` without brackets and their contents; unchanged from the first unpaired bracket on."""
    kept, depth, begin = [], 0, 0
    for at, char in enumerate(name):
        if char == opening:
            if depth == 0:
                kept.append(name[begin:at])
                begin = at
            depth += 1
        elif char == closing:
            depth -= 1
            if depth < 0:
                break
            if depth == 0:
                begin = at + 1
    return "".join(kept) + name[begin:]


def place(name: str, file: str) -> str:
    """The name in the table: the function, or the binary for code without symbols. Cut at LONGEST characters."""
    base = file.rstrip("/").rpartition("/")[2] or "/"
    return (name or (f"[{base}]" if file else "<unknown>"))[:LONGEST]


def bare(name: str) -> str:
    """`name` without its argument list, which begins at the first parenthesis outside the name."""
    name = name.removeprefix(".")
    for match in NOT_AN_ARGUMENT_LIST.finditer(name):
        if match[1]:
            return name[: match.start()]
    return name

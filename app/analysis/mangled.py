"""Mangled names of C++ and Rust as `go tool pprof` shows them: without parameters and template arguments.

LLVM's demangler reads them; it is native code, and names are not trusted, so only the process that reads profiles
imports this module.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pycxxfilt import demangle

LONGEST: Final = 4096  # characters of a mangled name
LEGACY_RUST: Final = re.compile(r"_ZN.*17h[0-9a-f]{16}E(?:\.llvm\.\d+)?")
HASH: Final = re.compile(r"::h[0-9a-f]{16}$")
# How Rust's legacy mangling spells what an identifier cannot hold; see rustc_symbol_mangling/src/legacy.rs.
ESCAPE: Final = re.compile(r"(?:(?<=::)|^)_(?=\$)|\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,5})\$|\.\.")
SPELLED: Final = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",", None: ""}

LAMBDA: Final = re.compile(r"'(lambda|unnamed)(\d*)'(\([^()]*\))?")
LESS: Final = re.compile(r"operator<<(?=[^(])")
TOKEN: Final = re.compile(
    r"\(anonymous namespace\)|\{[^{}]*\}|operator(?:\(\)|\[\]|<=>|<<=?|>>=?|->\*?|[-+*/%^&|~!=<>,]=?|&&|\|\|)(?=[(<]|$)"
    r"|operator< (?=<)|operator(?= )|[<>()]| "
)
QUALIFIED: Final = re.compile(r"\(\)(?: const| volatile| &&?| noexcept| \[[^\]]*\]| \([^)]*\))*$")
SPECIAL: Final = re.compile(r"[a-z-]+(?: [a-z]+)* (?:for|to) (?=\S)")  # "vtable for ", "non-virtual thunk to "


@lru_cache(maxsize=1 << 14)
def readable(name: str) -> str:
    """The function's name; `name` itself if it is not mangled."""
    if not name.startswith(("_Z", "_R")) or len(name) > LONGEST:
        return name
    full = _demangled(name) or next(filter(None, map(_demangled, _shorter(name))), name)
    if name.startswith("_R") or full == name:
        return full
    if LEGACY_RUST.fullmatch(name):
        return ESCAPE.sub(_unescaped, HASH.sub("", full.partition(" (.llvm.")[0]))
    if "ltI" in name and "lsI" not in name:  # operator< with template arguments, which LLVM writes without a blank
        full = LESS.sub("operator< <", full)
    full = LAMBDA.sub(_numbered, full)
    special = SPECIAL.match(full)
    return special[0] + simplified(full[special.end() :]) if special else simplified(full)


def _demangled(name: str) -> str | None:
    try:
        return demangle(name)
    except ValueError:
        return None


def _shorter(name: str) -> Iterator[str]:
    """What may be the name without its types, the shortest first. LLVM does not know all that GCC writes there: an
    expression that begins with `sr` and the name of a template, as in `enable_if<is_same<T, U>::value, T>::type`."""
    return (name[: end.end()] for end in re.finditer("E", name) if name.startswith("_Z"))


def _unescaped(found: re.Match[str]) -> str:
    spelled = found[1]
    if found[0] == "..":
        return "::"
    return chr(int(spelled[1:], 16)) if spelled and spelled.startswith("u") else SPELLED[spelled]


def _numbered(found: re.Match[str]) -> str:
    number = int(found[2]) + 2 if found[2] else 1
    return f"{{lambda{found[3] or '()'}#{number}}}" if found[1] == "lambda" else f"{{unnamed type#{number}}}"


def simplified(full: str) -> str:
    """A demangled name without its signature, the parameters of enclosing functions, and template arguments."""
    kept, open_at, done, begin = list[str](), list[str](), 0, 0
    template = converts = False
    for token in TOKEN.finditer(full):
        text = token[0]
        if not open_at:
            kept.append(full[done : token.start()])
        done = token.end()
        if text in "<(":
            if not open_at and text == "(":
                if template and not converts:
                    del kept[:begin]
                template = False
                kept.append("(")
            open_at.append(text)
        elif text in ">)" and open_at:
            open_at.pop()
            if not open_at:
                template = text == ">" or template
                kept.append(text.strip(">"))
        elif not open_at:
            converts = converts or text == "operator"
            kept.append(text)
            begin = len(kept) if text == " " and not converts else begin
    kept.append("" if open_at else full[done:])
    return QUALIFIED.sub("", "".join(kept)).replace("operator< (", "operator<(").rstrip()

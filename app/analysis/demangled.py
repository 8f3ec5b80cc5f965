"""C++ names as perf prints them, the same whichever demangler it was built with. For perf_script.py.

perf 6.1 prints `apply<int>`, perf 7 the whole signature, `int apply<int>(int)`: with the other name a difference of two
captures would not find the function. Names of other languages stay as they are.
"""

import re
from functools import lru_cache
from typing import Final

# After an argument list may stand what a method is qualified with, and what the compiler made of the function.
SIGNATURE: Final = re.compile(
    r"\)(?: const| volatile|[ ]?&&?| noexcept| \[clone [^]]*\]|\.(?:cold|part|isra|constprop)[.0-9]*)*$"
)
TOKEN: Final = re.compile(r"operator(?:\(\)|\[\]|<=>|<<=?|>>=?|->\*?|[<>]=?)(?: (?=<))?|operator |->|[(){}<>\[\] ]")
CLOSING: Final = {")": "(", "}": "{", ">": "<", "]": "["}
NO_RETURN_TYPE: Final = (
    "non-virtual thunk to ",
    "virtual thunk to ",
    "covariant return thunk to ",
    "guard variable for ",
)


@lru_cache(maxsize=1 << 14)
def without_signature(name: str) -> str:
    """`name` without the parameters, qualifiers and return type of a C++ function; template arguments stay."""
    tail = SIGNATURE.search(name)
    if not tail or name.endswith("operator()"):
        return name
    opening, begin = _argument_list(name, tail.start())
    if opening <= begin or name[opening - 1] in " (.*" or ";" in name[opening:]:
        return name
    kept = name[begin:opening]
    return kept if kept.endswith(">") and not name.startswith(NO_RETURN_TYPE) else name[:opening]


def _argument_list(name: str, end: int) -> tuple[int, int]:
    """Where the bracket opens that closes at `end`, and where the function's name begins, after its return type.

    Both 0 where the brackets do not pair.
    """
    open_at, begin, converts = list[int](), 0, False
    for token in TOKEN.finditer(name, 0, end + 1):
        text, at = token[0], token.start()
        if text == "operator ":
            converts = converts or not open_at  # its name goes on after the blank
        elif text == " ":
            begin = begin if open_at or converts else at + 1
        elif text in CLOSING:
            if not open_at or name[open_at[-1]] != CLOSING[text]:
                return 0, 0
            opening = open_at.pop()
            if at == end:
                return (opening, begin) if not open_at else (0, 0)
        elif text in "({<[":
            open_at.append(at)
    return 0, 0

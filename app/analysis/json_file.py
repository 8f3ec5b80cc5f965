"""Reads the JSON files of other profilers, within bounds. For cpuprofile.py, speedscope.py and chrome_trace.py.

The files are not trusted: any value may be of any type, and numbers may be no numbers of 64 bits.
"""

import json
from typing import Any, BinaryIO, Final

from app.analysis.profile import LIMIT, BadProfile
from app.analysis.stacks import MOST

NANOSECONDS: Final = {"nanoseconds": 1, "microseconds": 10**3, "milliseconds": 10**6, "seconds": 10**9}


def load(file: BinaryIO, *, list_may_lack_its_end: bool = False) -> Any:
    """The value that the whole file is. list_may_lack_its_end: as of a program that was killed between two items.

    Raises BadProfile for what is no JSON.
    """
    data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise BadProfile(f"more than {LIMIT} bytes, which is the limit")
    if not data:
        raise BadProfile("empty: 0 bytes")
    if list_may_lack_its_end and data.lstrip().startswith(b"[") and not data.rstrip().endswith(b"]"):
        data = data.rstrip().removesuffix(b",") + b"]"
    try:
        return json.loads(data)
    except RecursionError as error:
        raise BadProfile("nested too deeply for any profile") from error
    except ValueError as error:  # also of bytes that are no text
        raise BadProfile(f"no whole JSON: {error}") from error


def fields(value: Any, where: str) -> dict[str, Any]:
    """`value`, if it is an object. where: names it in the error. Raises BadProfile."""
    if not isinstance(value, dict):
        raise BadProfile(f"{where} is no object")
    return value


def items(value: Any, where: str) -> list[Any]:
    """`value`, if it is a list; the empty list for null. Raises BadProfile."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadProfile(f"{where} is no list")
    return value


def number(value: Any, where: str, factor: int = 1) -> int:
    """`value` times `factor`, rounded. Raises BadProfile for what is no number of 64 bits."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        product = value * factor
        if -MOST <= product <= MOST:  # neither is true of NaN
            return round(product)
    raise BadProfile(f"{where} is no number of 64 bits")


def index(value: Any, of: list[Any], where: str) -> int:
    """`value`, if it is an index of the list `of`. Raises BadProfile."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(of):
        return value
    raise BadProfile(f"{where} is no index from 0 to {len(of) - 1}")


def text(value: Any) -> bytes:
    """`value` in UTF-8 if it is a text, otherwise empty."""
    return value.encode("utf-8", "replace") if isinstance(value, str) else b""


def line(value: Any) -> int:
    """`value` if it can be the number of a line, otherwise 0."""
    is_line = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31
    return value if is_line else 0

"""A location of a pprof message as Go and most other writers lay it out, read in one step. For tables.py.

A location of another layout is not read here, but by wire.fields, which takes twice as long.
"""

import re
from typing import Final

from app.analysis.wire import varint

NUMBER: Final = rb"[\x80-\xff]{0,8}[\x00-\x7f]"
# In one function, whose part begins with its length. Go has the mapping behind it.
LOCATION: Final = re.compile(
    rb"\x08(%b)(?:\x10(%b))?(?:\x18%b)?\x22[\x02-\x1e](\x08(%b)(?:\x10%b)?(?:\x18%b)?)(?:\x10(%b))?" % ((NUMBER,) * 7)
)


def usual_location(body: bytes) -> tuple[int, int, int] | None:
    """The ids of the location in this message, of its mapping and of its function; None for another layout, such as
    one with inlined functions."""
    found = LOCATION.fullmatch(body)
    if not found:
        return None
    begin, end = found.span(3)
    id, mapping, _, function, behind = found.groups()
    if body[begin - 1] != end - begin or (mapping and behind):
        return None
    mapping = mapping or behind or b"\0"
    return (
        id[0] if len(id) == 1 else _number(id),
        mapping[0] if len(mapping) == 1 else _number(mapping),
        function[0] if len(function) == 1 else _number(function),
    )


def _number(packed: bytes) -> int:
    """The number in these bytes, two or more, which are all its own."""
    return packed[0] - 128 + (packed[1] << 7) if len(packed) == 2 else varint(packed, 0)[0]

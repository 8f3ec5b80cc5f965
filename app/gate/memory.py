"""Pages of a process's memory and of its executable, as the gate is asked for them, and its mappings. Pure.

Called by client.py. The verb is part of a gate only where the configuration names the profiler go-memory.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from app.gate.words import number

PAGE = 4096  # bytes
AREA = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([rwxps-]{4}) ([0-9a-f]{1,16}) (\d{1,20})", re.ASCII)


class Pages(NamedTuple):
    """file: the executable or the memory; first: the number of the first page; pages: how many"""

    file: Literal["exe", "mem"]
    first: int
    pages: int


class Area(NamedTuple):
    """One mapping that holds code or may be written: addresses, permissions such as r-xp, offset in its file, and the
    file's inode; 0 for memory that is no file's."""

    start: int
    limit: int
    permissions: str
    offset: int
    inode: int


def page_word(pages: Pages) -> str:
    """As a word of a request."""
    return f"{pages.file}:{number(pages.first)}:{number(pages.pages)}"


def areas_in(lines: Iterable[tuple[str, str]]) -> tuple[Area, ...]:
    """The mappings of an answer; lines of another shape are left out."""
    found = (AREA.fullmatch(value) for key, value in lines if key == "area")
    return tuple(Area(int(m[1], 16), int(m[2], 16), m[3], int(m[4], 16), int(m[5])) for m in found if m)

"""The files whose code a process runs, as the gate is asked for pages of them, and where they are mapped. Pure.

Called by client.py. The verb is part of a gate only where the configuration names a profiler whose profiles may lack
names.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from app.gate.words import number

AREA = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([0-9a-f]{1,16}) (/.{0,4096})", re.ASCII)
RANGES_AT_MOST = 40  # of one request
PAGES_AT_MOST = 8192  # of one request


class CodeArea(NamedTuple):
    """One mapping that holds code: its addresses, its offset in the file, and the file's path as the host tells it.

    debug: a build id in hex, if not the file itself is meant but its debugging information, which lies elsewhere"""

    start: int
    limit: int
    offset: int
    path: str
    debug: str = ""


class Span(NamedTuple):
    """page: the number of the first page of a file; pages: how many"""

    page: int
    pages: int


def area_words(area: CodeArea, spans: Iterable[Span]) -> tuple[str, ...]:
    """As words of a request."""
    file = f"{area.start:08x}:{area.debug}" if area.debug else f"{area.start:08x}"
    return file, *(f"{number(span.page)}:{number(span.pages)}" for span in spans)


def code_areas_in(lines: Iterable[tuple[str, str]]) -> tuple[CodeArea, ...]:
    """The mappings of an answer; lines of another shape are left out."""
    found = (AREA.fullmatch(value) for key, value in lines if key == "area")
    return tuple(CodeArea(int(m[1], 16), int(m[2], 16), int(m[3], 16), m[4]) for m in found if m)

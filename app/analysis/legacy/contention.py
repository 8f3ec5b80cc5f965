"""Contention profiles as text, of gperftools and of Go with debug=1.

    --- contention:            (or --- mutex:, --- contentionz 1 ---)
    cycles/second=<rate>
    sampling period=<period>
    <cycles> <contentions> @ 0x… 0x…

As parseContention in profile/legacy_profile.go of github.com/google/pprof reads it.
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, addresses_in, before, is_comment, lines_of, number
from app.analysis.legacy.mappings import behind_sentinel, read_mappings

HEADERS: Final = (b"--- contentionz ", b"--- mutex:", b"--- contention:")
SAMPLE: Final = re.compile(rb"(\d+) *(\d+) @([ x0-9a-f]*)")
TYPES: Final = (("contentions", "count"), ("delay", "nanoseconds"))
NUMBERS: Final = (b"cycles/second", b"sampling period", b"ms since reset")
IGNORED: Final = b"discarded samples"


def read_contention(text: bytes) -> Builder | None:
    """None for a text that is no such profile. Raises Malformed for a broken one."""
    lines = lines_of(text)
    if not next(lines, b"").startswith(HEADERS):
        return None
    attributes, first = _attributes(lines)
    if attributes is None:
        return None
    hertz, period = attributes.get(b"cycles/second", 0), attributes.get(b"sampling period", 1)
    made = Builder(*TYPES, period=period)
    made.duration_nanos = min(attributes.get(b"ms since reset", 0) * 10**6, (1 << 63) - 1)
    for line in chain([first], lines):
        if line.startswith(b"---"):
            made.mappings = read_mappings(behind_sentinel(line, lines))
        elif not is_comment(line):
            _add(made, line, hertz)
    return made


def _attributes(lines: Iterator[bytes]) -> tuple[dict[bytes, int] | None, bytes]:
    """What the header says, None if it is another's; and the first line behind it."""
    found: dict[bytes, int] = {}
    for line in lines:
        name, equals, value = (part.strip() for part in line.partition(b"="))
        if not is_comment(line) and (line.startswith(b"---") or not equals):
            return found, line
        if name in NUMBERS:
            if not value.isdigit():
                return None, b""
            found[name] = number(value)
        elif not is_comment(line) and name != IGNORED:
            return None, b""
    return found, b""


def _add(made: Builder, line: bytes, hertz: int) -> None:
    """Delays are cycles if their rate is known. Contentions are counted once for each sampling period."""
    found = SAMPLE.search(line)
    if not found:
        raise Malformed("a broken contention profile: a line is neither a sample nor the memory map")
    delay, count, period = number(found[1]), number(found[2]), made.period
    if period > 0:
        delay = int(delay * period / (hertz / 1e9)) if hertz > 0 else delay
        count *= period
    made.add([before(address) for address in addresses_in(found[3])], count, delay)

"""Counted stacks as text, of Go with debug=1: goroutine, goroutineleak, threadcreate and a program's own profiles.

    <name> profile: total <count>
    <count> @ 0x… 0x…

As parseGoCount in profile/legacy_profile.go of github.com/google/pprof reads it.
"""

import re
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, addresses_in, before, is_comment, lines_of, number
from app.analysis.legacy.mappings import behind_sentinel, read_mappings

HEADER: Final = re.compile(rb"(\S{1,200}) profile: total \d+$")
SAMPLE: Final = re.compile(rb"(\d+) @((?: 0x[0-9a-f]+)+)$")


def read_counts(text: bytes) -> Builder | None:
    """None for a text that is no such profile. Raises Malformed for a broken one."""
    lines = lines_of(text)
    head = HEADER.match(next((line for line in lines if not is_comment(line)), b""))
    if not head:
        return None
    made = Builder((head[1].decode("utf-8", "replace"), "count"))
    for line in lines:
        found = SAMPLE.match(line)
        if found:
            made.add([before(address) for address in addresses_in(found[2])], number(found[1]))
        elif line.startswith(b"---"):
            made.mappings = read_mappings(behind_sentinel(line, lines))
        elif not is_comment(line):
            raise Malformed("a broken profile of counted stacks: a line is neither a count nor the memory map")
    return made

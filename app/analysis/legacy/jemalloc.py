"""The heap profile of jemalloc, which its own tool jeprof reads, and pprof does not.

    heap_v2/<rate>
      t*: <objects>: <bytes> [<allocated objects>: <bytes>]
    @ 0x… 0x…
      t*: <objects>: <bytes> [<allocated objects>: <bytes>]
      t<thread>: …

`t*` is the sum of the threads. Allocations are counted, too, only where the program runs with prof_accum. Samples are
unsampled as AdjustSamples in jeprof does.
"""

import re
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, addresses_in, before, is_comment, lines_of, number
from app.analysis.legacy.heap import ALL, IN_USE, values
from app.analysis.legacy.mappings import is_sentinel, read_mappings

HEADER: Final = re.compile(rb"heap_v2/(\d+)$")
COUNTS: Final = re.compile(rb"t(\*|\d+): *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\]")


def read_jemalloc(text: bytes) -> Builder | None:
    """None for a text that is no such profile. Raises Malformed for a broken one."""
    lines = lines_of(text)
    head = HEADER.match(next(lines, b""))
    if not head:
        return None
    rate, stack = number(head[1]), list[int]()
    made = Builder(*IN_USE, period=rate)
    begun = False
    for line in lines:
        counts = COUNTS.match(line)
        if is_sentinel(line):
            made.mappings = read_mappings(lines)
        elif line.startswith(b"@"):
            begun, stack = True, addresses_in(line)
        elif counts and counts[1] == b"*":
            if not begun and counts[4] != b"0":
                made = Builder(*ALL, period=rate)
            elif begun:
                _add(made, stack, counts, rate)
        elif not counts and not is_comment(line):
            raise Malformed("a broken heap profile of jemalloc: a line is neither a stack, counts nor the memory map")
    return made


def _add(made: Builder, stack: list[int], counts: re.Match[bytes], rate: int) -> None:
    ever = values(counts[4], counts[5], rate) if len(made.types) == len(ALL) else ()
    made.add(stack[:1] + [before(address) for address in stack[1:]], *ever, *values(counts[2], counts[3], rate))

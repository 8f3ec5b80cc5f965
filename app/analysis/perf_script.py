"""The text of `perf script` for a recording with call graphs (`perf record -g`). For convert.py.

A sample is a line `comm pid time: period event:`, the frames one a line, leaf first, and an empty line:

    order-mq 21181/21190 [003]   851.518981:   10101010 cpu-clock:ppp:
                  170e8e gen_iternext+0x9e (/usr/lib/libpython3.11.so.1.0)
            7f746f8da9c0 [unknown] ([unknown])
"""

import re
from typing import BinaryIO, Final

from app.analysis.profile import BadProfile
from app.analysis.stacks import CPU, SAMPLES, Frame, Options, Stacks, bad_line, numbered

HEADER: Final = re.compile(
    rb"\s[0-9]+(?:/[0-9]+)?\s+(?:\[[0-9]+\]\s+)?[0-9]+\.[0-9]+:\s+(?:(?P<period>[0-9]{1,18})\s+)?(?P<event>\S+):\s*$"
)
FRAME: Final = re.compile(rb"\s*[0-9a-f]+ (?P<place>.*)\)$")
OFFSET: Final = re.compile(rb"\+0x[0-9a-f]+$")
CLOCKS: Final = (b"cpu-clock", b"task-clock")  # their period is in nanoseconds; other events count something else
UNKNOWN: Final = b"[unknown]"


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks in `file`. perf writes an empty file for an idle process. Raises BadProfile with the line."""
    stacks, frames, nanoseconds, header, timed = Stacks(SAMPLES, CPU), [], None, 0, True
    for number, line in numbered(file):
        if header and line:
            frames.append(_frame(number, line))
        elif header:
            stacks.add(header, frames, {SAMPLES: 1, CPU: nanoseconds or 0})
            timed = timed and nanoseconds is not None
            frames, header = [], 0
        elif line and not line.startswith(b"#"):
            nanoseconds, header = _nanoseconds(number, line), number
    if header:
        raise BadProfile(f"the last sample, which begins on line {header}, is cut: no empty line follows it")
    if not timed:
        stacks.leave_out(CPU)
    return stacks


def _nanoseconds(number: int, line: bytes) -> int | None:
    """The nanoseconds of a sample; None if its event counts something else or has no period."""
    found = HEADER.search(line)
    if found is None:
        raise bad_line(number, "no beginning of a sample: `comm pid time: period event:` was expected")
    is_clock = found["event"].partition(b":")[0] in CLOCKS
    return int(found["period"]) if is_clock and found["period"] else None


def _frame(number: int, line: bytes) -> Frame:
    """The function's name; without one, the binary's in brackets, as in pprof."""
    found = FRAME.match(line)
    symbol, space, binary = found["place"].rpartition(b" (") if found else (b"", b"", b"")
    if binary == b"deleted)":  # `name (/srv/app (deleted))`
        symbol, space, binary = symbol.rpartition(b" (")
    if not space:
        raise bad_line(number, "no frame: `address symbol (binary)` was expected")
    if symbol != UNKNOWN:
        return Frame(OFFSET.sub(b"", symbol))
    base = binary.rpartition(b"/")[2]
    return Frame(base if base.startswith(b"[") else b"[%s]" % base)

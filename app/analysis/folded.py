"""Folded stacks, as `py-spy record -f raw` and the stackcollapse scripts write them: `root;caller;leaf COUNT`, one
stack per line. For convert.py.

Everything between two semicolons is one frame: `main (app.py:12)` stays one name.
"""

import re
from typing import BinaryIO, Final

from app.analysis.stacks import CPU, SAMPLES, Frame, Options, Stacks, bad_line, numbered

COUNT: Final = re.compile(rb"[0-9]{1,18}")


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks in `file`. py-spy writes an empty file for an idle process. Raises BadProfile with the line."""
    rate = options.rate
    stacks, period = Stacks(*((SAMPLES, CPU) if rate else (SAMPLES,))), round(1e9 / rate) if rate else None
    for number, line in numbered(file):
        stack, space, count = line.rpartition(b" ")
        if not space or not COUNT.fullmatch(count):
            raise bad_line(number, "no folded stack: it does not end with a space and a count")
        samples = int(count)
        time = {} if period is None else {CPU: samples * period}
        stacks.add(number, [Frame(name) for name in reversed(stack.split(b";"))], {SAMPLES: samples} | time)
    return stacks

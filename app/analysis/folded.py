"""Folded stacks, as `py-spy record -f raw` and the stackcollapse scripts write them: `root;caller;leaf COUNT`, a line a
stack. For convert.py.

What stands between semicolons is a frame, whatever it looks like: `main (app.py:12)` stays one name.
"""

import re
from typing import BinaryIO, Final

from app.analysis.stacks import Stacks, bad_line, numbered

COUNT: Final = re.compile(rb"[0-9]{1,18}")


def read(file: BinaryIO, rate: int | None) -> Stacks:
    """`rate`: samples a second and thread, if known. An empty file is what py-spy writes of an idle process.

    Raises BadProfile that names the line.
    """
    stacks, period = Stacks(), round(1e9 / rate) if rate else None
    for number, line in numbered(file):
        stack, space, count = line.rpartition(b" ")
        if not space or not COUNT.fullmatch(count):
            raise bad_line(number, "no folded stack: it does not end with a space and a count")
        samples = int(count)
        stacks.add(number, stack.split(b";")[::-1], samples, None if period is None else samples * period)
    return stacks

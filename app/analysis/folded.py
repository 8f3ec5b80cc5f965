"""Folded stacks, as py-spy, async-profiler, austin and the stackcollapse scripts write them: `root;caller;leaf COUNT`,
one stack a line. For convert.py.

Everything between two semicolons is one frame: `main (app.py:12)` stays one name. Empty lines and lines of comments
(`# duration: 12`, as austin writes them) are skipped. A folded file does not say what its counts are.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import BinaryIO, Final

from app.analysis.profile import BadProfile, ValueType
from app.analysis.stacks import CPU, SAMPLES, Frame, Number, Options, Stacks, bad_line, numbered

COUNT: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
COMMENT: Final = re.compile(rb"#(?:[ \t]|[^;]*$)")  # a thread may be called `#1`: `#1;main 3` is a stack
STACK: Final = re.compile(rb"[^ \t].*[ \t][0-9]+(?:\.[0-9]+)?[ \t\r]*", re.DOTALL)
LONGEST_COUNT: Final = 80  # digits
TWO_COUNTS: Final = (
    "every stack has two counts, as difffolded.pl writes them: that is a difference of two profiles; give each of the "
    "two, and compare the captures"
)
NANOSECONDS: Final = {"nanoseconds": 1, "microseconds": 10**3, "milliseconds": 10**6, "seconds": 10**9}


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks in `file`. py-spy writes an empty file for an idle process.

    options: `rate` makes samples of the counts and times of these; `unit` makes values of them, and `sample` names
    these. Without both there are only samples, of `sample`. Raises BadProfile with the line.
    """
    scales = scales_of(options)
    stacks, differences, lines = Stacks(*scales), 0, 0
    for number, line in numbered(file, unended=STACK):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip() or COMMENT.match(text):
            continue
        stack, count = _split(number, text)
        lines += 1
        differences += COUNT.fullmatch(stack.rpartition(b" ")[2]) is not None and b" " in stack
        frames = [Frame(name) for name in reversed(stack.split(b";"))]
        stacks.add(number, frames, {kind: count * scale for kind, scale in scales.items()})
    if lines and lines == differences:
        raise BadProfile(TWO_COUNTS)
    return stacks


def scales_of(options: Options) -> Mapping[ValueType, Number]:
    """The sample types, each with what a count of one is in its unit."""
    what = options.sample or CPU.type
    if options.rate:
        return {SAMPLES: 1, ValueType(what, "nanoseconds"): round(10**9 / Fraction(options.rate))}
    if options.unit in NANOSECONDS:
        return {ValueType(what, "nanoseconds"): NANOSECONDS[options.unit]}
    if options.unit:
        return {ValueType(what, options.unit): 1}
    return {SAMPLES if what == CPU.type else ValueType(what, "count"): 1}


def _split(number: int, line: bytes) -> tuple[bytes, Number]:
    """The stack and its count."""
    stack, count = line.rsplit(None, 1) if len(line.split(None, 1)) == 2 else (b"", b"")
    if not COUNT.fullmatch(count):
        raise bad_line(number, "no folded stack: it does not end with a space and a count")
    if len(count) > LONGEST_COUNT:
        raise bad_line(number, "one too many: its count is no number of 64 bits")
    return stack, Fraction(count.decode()) if b"." in count else int(count)

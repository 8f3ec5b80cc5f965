"""Where the runtime keeps the memory profile, found in the machine code of functions that use it.

The runtime's names of variables are stripped, those of functions are not. Each function below has exactly one
instruction of its form that refers to a variable, in all versions of layouts.py; where it has another number of them,
the program is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.analysis.goheap.code import LOAD32, LOAD64, STORE64, ZERO64, targets
from app.analysis.goheap.module import Module
from app.analysis.goheap.program import Program
from app.analysis.goheap.ranges import Reading, Unreadable, ask

SETTER, STARTER = "runtime.parsegodebug", "runtime.schedinit"  # both set MemProfileRate
LONGEST_FUNCTION = 64 << 10  # bytes


@dataclass(frozen=True, slots=True)
class Variables:
    """Addresses in memory. buckets: mbuckets, where the list begins; cycle: mProfCycle; rate: MemProfileRate"""

    buckets: int
    cycle: int
    rate: int


def find_variables(program: Program) -> Reading[Variables]:
    """One request. Raises Unreadable where a variable cannot be told from others."""
    reader, module = program.layout.reader, program.module
    names = [reader, SETTER, STARTER]
    found = program.table.named(name.encode() for name in names)
    if missing := [name for name in names if name.encode() not in found]:
        raise Unreadable(f"has no function {missing[0]}, which would say where its memory profile lies")
    places = [found[name.encode()] for name in names]
    pieces = yield from ask(*(program.in_file(module.text + entry, _size(entry, limit)) for entry, limit in places))
    code = {name: (piece, module.text + entry) for name, piece, (entry, _) in zip(names, pieces, places, strict=True)}
    return Variables(
        buckets=_only(code, module, {reader: LOAD64}),
        cycle=_only(code, module, {reader: LOAD32}),
        rate=_only(code, module, {SETTER: STORE64, STARTER: ZERO64}),
    )


def _size(entry: int, limit: int) -> int:
    return min(max(limit - entry, 1), LONGEST_FUNCTION)


def _only(code: Mapping[str, tuple[bytes, int]], module: Module, forms: Mapping[str, re.Pattern[bytes]]) -> int:
    """The one variable that all of these functions refer to in these forms."""
    seen = [targets(form, *code[name]) for name, form in forms.items()]
    shared = {address for address in frozenset.intersection(*seen) if module.data <= address < module.data_end}
    if len(shared) != 1:
        raise Unreadable(f"refers to {len(shared)} variables in {' and '.join(forms)} where one was expected")
    return shared.pop()

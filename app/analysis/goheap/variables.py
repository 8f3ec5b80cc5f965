"""Where the runtime keeps its profiles, found in the machine code of functions that use them.

The runtime's names of variables are stripped, those of functions are not. Each function below has exactly one
instruction of its form that refers to a variable, in all versions of layouts.py; where it has another number of them,
the program is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.analysis.goheap.buckets import Profiled
from app.analysis.goheap.code import Use, targets
from app.analysis.goheap.program import Program
from app.analysis.goheap.ranges import Reading, Unreadable, ask

SETTER, STARTER = "runtime.parsegodebug", "runtime.schedinit"  # both set MemProfileRate
LONGEST_FUNCTION = 64 << 10  # bytes

Code = Mapping[str, tuple[bytes, int]]  # of functions, and where it lies in memory


@dataclass(frozen=True, slots=True)
class Variables:
    """Addresses in memory. heads: where the lists begin (mbuckets, bbuckets, xbuckets), those that the program can
    read; cycle: mProfCycle; rate: MemProfileRate; ticks: ticks.val, 0 if it is not found"""

    heads: Mapping[Profiled, int]
    cycle: int
    rate: int
    ticks: int


def find_variables(program: Program) -> Reading[Variables]:
    """One request. Raises Unreadable where a variable of the heap's profile cannot be told from others."""
    layout = program.layout
    code = yield from _read_code(program, (*layout.readers, layout.clock, SETTER, STARTER))
    heap, *others = layout.readers
    if missing := [name for name in (heap, SETTER, STARTER) if name not in code]:
        raise Unreadable(f"has no function {missing[0]}, which would say where its memory profile lies")
    delays = zip((Profiled.BLOCK, Profiled.MUTEX), others, strict=True)
    found = {profiled: _used(code, program, (name, Use.LOAD64)) for profiled, name in delays}
    ticks = _used(code, program, (layout.clock, Use.LOAD64), (layout.clock, Use.ADDRESS))
    heads = {profiled: places.pop() for profiled, places in found.items() if len(places) == 1 and len(ticks) == 1}
    return Variables(
        heads={Profiled.HEAP: _only(code, program, (heap, Use.LOAD64))} | heads,
        cycle=_only(code, program, (heap, Use.LOAD32)),
        rate=_only(code, program, (SETTER, Use.STORE64), (STARTER, Use.ZERO64)),
        ticks=ticks.pop() if heads else 0,
    )


def _read_code(program: Program, names: tuple[str, ...]) -> Reading[Code]:
    """The code of those of the functions that there are."""
    table = program.table.named(name.encode() for name in names)
    places = {name: table[name.encode()] for name in names if name.encode() in table}
    text = program.module.text
    ranges = (program.in_file(text + entry, _size(entry, limit)) for entry, limit in places.values())
    pieces = yield from ask(*ranges)
    return {name: (piece, text + entry) for (name, (entry, _)), piece in zip(places.items(), pieces, strict=True)}


def _size(entry: int, limit: int) -> int:
    return min(max(limit - entry, 1), LONGEST_FUNCTION)


def _used(code: Code, program: Program, *uses: tuple[str, Use]) -> set[int]:
    """The variables that all of these functions use in these ways."""
    seen = [targets(program.elf.machine, use, *code[name]) if name in code else frozenset() for name, use in uses]
    module = program.module
    return {address for address in frozenset.intersection(*seen) if module.data <= address < module.data_end}


def _only(code: Code, program: Program, *uses: tuple[str, Use]) -> int:
    found = _used(code, program, *uses)
    if len(found) != 1:
        names = " and ".join(name for name, _ in uses)
        raise Unreadable(f"refers to {len(found)} variables in {names} where one was expected")
    return found.pop()

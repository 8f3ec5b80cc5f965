"""What differs between the versions of Go.

Sources: runtime/mprof.go, runtime/symtab.go and internal/abi/symtab.go of a late release of each version.

A version that is not in the table is refused. What the table says is checked against the running program: each bucket
by its hash, each count by its bytes where both are kept, moduledata by the tables that it points to.
"""

import re
from dataclasses import dataclass

from app.analysis.goheap.ranges import Unreadable

CYCLES = 3  # of a heap's counts, which are kept until they are published
NEWER = ("runtime.memProfileInternal", "runtime.blockProfileInternal", "runtime.mutexProfileInternal")
CLOCK = "runtime.ticksPerSecond"
OLDER = ("runtime.MemProfile", "runtime.BlockProfile", "runtime.MutexProfile")


@dataclass(frozen=True, slots=True)
class Layout:
    """readers: the functions that walk the lists of buckets: of the heap, of blocking, of mutexes
    clock: the function that measures the processor's clock
    physical: whether the stacks of the latter two lack the calls that are inlined
    words: of a memRecordCycle: 4 with bytes beside the counts, 2 without
    gofunc: the word of moduledata that says where the inlining trees lie
    sections: the word of moduledata with the number of text sections
    wrapper: abi.FuncIDWrapper
    """

    readers: tuple[str, str, str]
    clock: str
    physical: bool
    words: int
    gofunc: int
    sections: int
    wrapper: int


LAYOUTS = {
    21: Layout(OLDER, "runtime.tickspersecond", False, 4, 40, 42, 21),
    22: Layout(OLDER, CLOCK, False, 4, 40, 42, 22),
    23: Layout(NEWER, CLOCK, True, 4, 40, 42, 22),
    24: Layout(NEWER, CLOCK, True, 4, 40, 42, 22),
    25: Layout(NEWER, CLOCK, True, 4, 40, 42, 23),
    26: Layout(NEWER, CLOCK, True, 4, 40, 43, 23),
    27: Layout(NEWER, CLOCK, True, 2, 43, 46, 23),
}
OLDEST, NEWEST = min(LAYOUTS), max(LAYOUTS)


def layout_of(go_version: str) -> Layout:
    """The layout of a version such as go1.26.8. Raises Unreadable for one that is not known."""
    said = re.match(r"go1\.(\d{1,3})(?!\d)", go_version, re.ASCII)
    if said and (layout := LAYOUTS.get(int(said[1]))):
        return layout
    raise Unreadable(
        f"is of {go_version or 'no Go that says its version'}: the runtime's layout is known from Go 1.{OLDEST} to "
        f"1.{NEWEST}"
    )

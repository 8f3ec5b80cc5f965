"""Heap, growth and fragmentation profiles as text, of gperftools and of Go with debug=1.

    heap profile: <objects>: <bytes> [<allocated objects>: <bytes>] @ heapz_v2/<rate>
    <objects>: <bytes> [<allocated objects>: <bytes>] @ 0x…

As parseHeap in profile/legacy_profile.go of github.com/google/pprof reads it: samples of the forms v2 and of Go are
unsampled, and Go's rate is twice the real one.
"""

import re
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, addresses_in, before, is_comment, lines_of, number
from app.analysis.legacy.mappings import is_sentinel, read_mappings
from app.analysis.legacy.unsampling import unsampled

COUNTS: Final = rb"heap profile: *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\] *@ "
HEADER: Final = re.compile(COUNTS + rb"*(heap[_a-z0-9]*)/?(\d*)")
UNSAMPLED_HEADER: Final = re.compile(COUNTS + rb"(?:growth|fragmentation)z?")
SAMPLE: Final = re.compile(rb"(-?\d+): *(-?\d+) *\[ *(\d+): *(\d+) *] @([ x0-9a-f]*)")
IN_USE: Final = (("objects", "count"), ("space", "bytes"))
ALL: Final = (
    ("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes"),
)  # fmt: skip


def read_heap(text: bytes) -> Builder | None:
    """None for a text that is no such profile. Raises Malformed for a broken one."""
    lines = lines_of(text)
    head = next(lines, b"")
    if found := HEADER.search(head):
        rate = _rate(found[5], number(found[6] or b"0"))
        all_counted = _counts_all(found)
    elif UNSAMPLED_HEADER.search(head):
        rate, all_counted = 1, False
    else:
        return None
    made = Builder(*(ALL if all_counted else IN_USE), period=rate)
    for line in lines:
        if is_sentinel(line):
            made.mappings = read_mappings(lines)
        elif not is_comment(line):
            _add(made, line, rate)
    return made


def _rate(form: bytes, rate: int) -> int:
    """Bytes for each sample; 1 when every allocation is there."""
    match form:
        case b"heapz_v2" | b"heap_v2":
            return rate
        case b"heapprofile":
            return 1
        case b"heap":
            return rate // 2
    raise Malformed(f"a heap profile of the form {form[:40].decode()}, which is unknown; known are heap and heapz_v2")


def _counts_all(header: re.Match[bytes]) -> bool:
    """Does it say what was ever allocated, beside what is in use?"""
    in_use, ever = header.group(1, 2), header.group(3, 4)
    return any(one not in (other, b"0") for one, other in zip(ever, in_use, strict=True))


def _add(made: Builder, line: bytes, rate: int) -> None:
    found = SAMPLE.search(line)
    if not found:
        raise Malformed("a broken heap profile: a line is neither a sample nor the memory map")
    in_use = values(found[1], found[2], rate)
    ever = values(found[3], found[4], rate) if len(made.types) == len(ALL) else ()
    made.add([before(address) for address in addresses_in(found[5])], *ever, *in_use)


def values(count: bytes, size: bytes, rate: int) -> tuple[int, int]:
    """Objects and bytes, unsampled. Raises Malformed for bytes without objects."""
    objects, amount = number(count), number(size)
    if not objects and amount:
        raise Malformed("a broken heap profile: bytes without objects")
    return unsampled(objects, amount, rate) if rate > 1 else (objects, amount)

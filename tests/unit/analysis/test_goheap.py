"""The memory profile of a Go program: what is believed of its bytes. The integration tests compare it with Go's own."""

import math
import struct

import pytest

from app.analysis.goheap.buckets import Bucket, Memory, Profiled, hash_of, walk
from app.analysis.goheap.code import Use, targets
from app.analysis.goheap.counts import delays, published
from app.analysis.goheap.layouts import LAYOUTS, layout_of
from app.analysis.goheap.profile import scaled
from app.analysis.goheap.ranges import Unreadable, Unsteady

AT = 0x7F0000001000
NEW = LAYOUTS[27]


def bucket(stack: tuple[int, ...], size: int, *counts: int, following: int = 0, hashed: int | None = None) -> bytes:
    known = hash_of(stack, size) if hashed is None else hashed
    return struct.pack(f"<{6 + len(stack) + len(counts)}Q", 0, following, 1, known, size, len(stack), *stack, *counts)


def test_a_bucket_proves_itself_by_its_hash() -> None:
    counts = (5, 2, 0, 0, 1, 1, 0, 0)
    found, missing = walk(Memory([(AT, bucket((0x401000, 0x402000), 64, *counts))]), AT, Profiled.HEAP, NEW)
    assert ([each.stack for each in found], missing) == ([(0x401000, 0x402000)], 0)
    with pytest.raises(Unreadable, match="hash"):
        walk(Memory([(AT, bucket((0x401000, 0x402000), 64, *counts, hashed=1))]), AT, Profiled.HEAP, NEW)


def test_a_list_that_leads_back_or_elsewhere_is_refused_or_asked_for() -> None:
    with pytest.raises(Unreadable, match="without end"):
        walk(Memory([(AT, bucket((0x401000,), 64, *[0] * 8, following=AT))]), AT, Profiled.HEAP, NEW)
    found, missing = walk(
        Memory([(AT, bucket((0x401000,), 64, *[0] * 8, following=AT + 4096))]), AT, Profiled.HEAP, NEW
    )
    assert (len(found), missing) == (1, AT + 4096)
    with pytest.raises(Unreadable, match="no list of buckets"):
        walk(Memory([(AT, bytes(4096))]), AT, Profiled.HEAP, NEW)


@pytest.mark.parametrize(
    ("active", "future", "cycle", "counted"),
    [
        ((5, 2), ((1, 1), (10, 0), (100, 0)), 0 << 1, (6, 3)),
        ((5, 2), ((1, 1), (10, 0), (100, 0)), 4 << 1 | 1, (15, 2)),
        ((0, 0), ((0, 0), (10, 0), (100, 7)), 0, (110, 7)),  # no collection yet: everything counts
    ],
)
def test_the_cycle_that_has_just_ended_is_added_as_the_runtime_does(
    active: tuple[int, int], future: tuple[tuple[int, int], ...], cycle: int, counted: tuple[int, int]
) -> None:
    counts = (*active, *(count for counted in future for count in counted))
    (record,) = published([Bucket(64, (0x401000,), counts)], cycle, 2)
    assert (record.allocations, record.frees) == counted


@pytest.mark.parametrize("active", [(1, 2, 64, 128), (2, 1, 128, 63)])
def test_counts_that_cannot_be_are_those_of_a_bucket_that_was_just_changing(active: tuple[int, ...]) -> None:
    with pytest.raises(Unsteady):
        published([Bucket(64, (0x401000,), (*active, *(0,) * 12))], 0, 4)


def delayed(stack: tuple[int, ...], contentions: float, ticks: int) -> Bucket:
    return Bucket(0, stack, struct.unpack("<2Q", struct.pack("<dq", contentions, ticks)))


def test_a_delay_that_goes_on_counting_is_taken_as_it_was_last() -> None:
    (found,) = delays([delayed((0x401000,), 1.5, 100)], [delayed((0x401000,), 2.9, 250)], least=0)
    assert (found.contentions, found.ticks) == (2, 250)
    (found,) = delays([delayed((0x401000,), 0.5, 100)], [delayed((0x401000,), 0.5, 100)], least=1)
    assert found.contentions == 1


@pytest.mark.parametrize(("contentions", "ticks"), [(1.0, 90), (0.5, 110), (math.nan, 110), (1e300, 110), (2.0, -1)])
def test_delays_that_shrink_or_are_no_numbers_are_not_believed(contentions: float, ticks: int) -> None:
    with pytest.raises(Unsteady):
        delays([delayed((0x401000,), 1.0, 100)], [delayed((0x401000,), contentions, ticks)], least=0)


def test_what_marks_the_stacks_of_the_runtimes_own_locks_is_no_address() -> None:
    (found,) = delays(*[[delayed(((1 << 64) - 1, 0x401000), 1.0, 100)]] * 2, least=0)
    assert found.stack == (0x401000,)


def test_only_versions_of_the_table_are_read() -> None:
    assert layout_of("go1.21") is LAYOUTS[21]
    assert layout_of("go1.27.3") is NEW
    for version in ("go1.20.14", "go1.28rc1", "go1.270", "devel", "", "go1.2"):
        with pytest.raises(Unreadable, match=r"known from Go 1\.21 to 1\.27"):
            layout_of(version)


def test_an_instruction_is_told_by_its_form_and_leads_to_an_address() -> None:
    relative = struct.pack("<i", 0x100)
    code = b"\x48\x8b\x0d" + relative + b"\x8b\x15" + relative + b"\x48\x89\x05" + relative + b"\x48\xc7\x05" + relative
    code += bytes(4)
    assert targets("amd64", Use.LOAD64, code, 0x1000) == {0x1107}
    assert targets("amd64", Use.LOAD32, code, 0x1000) == {0x110D}
    assert targets("amd64", Use.STORE64, code, 0x1000) == {0x1114}
    assert targets("amd64", Use.ZERO64, code, 0x1000) == {0x111F}


def test_samples_are_scaled_as_go_scales_them() -> None:
    assert scaled(0, 64, 524288) == scaled(3, 0, 524288) == (0, 0)
    assert scaled(3, 64, 1) == (3, 192)
    assert scaled(1, 524288, 524288) == (1, 829411)  # 1 / (1 - e**-1)
    assert scaled(1 << 40, 1, 1 << 62) == ((1 << 63) - 1,) * 2  # what no int64 can hold

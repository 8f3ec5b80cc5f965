"""Memory that lies: whatever stands where the runtime keeps its profiles, the answer is a refusal or the truth."""

import struct
from collections.abc import Mapping

import pytest

from app.analysis.goheap.buckets import Profiled, hash_of
from app.analysis.goheap.layouts import LAYOUTS
from app.analysis.goheap.listing import Listed, read_lists
from app.analysis.goheap.module import Module
from app.analysis.goheap.pclntab import HEADER, MAGIC, FunctionTable
from app.analysis.goheap.ranges import Answer, Area, Range, Unreadable, Unsteady
from app.analysis.goheap.variables import Variables

NEW = LAYOUTS[27]
CODE = Area(0x400000, 0x500000, "r-xp", 0, 7)
PLUGIN = Area(0x900000, 0xA00000, "r-xp", 0, 8)  # code of another file
LISTS = Area(0x7F0000000000, 0x7F0000010000, "rw-p", 0, 0)
DATA = Area(0x600000, 0x601000, "rw-p", 0, 7)
MODULE = Module(CODE.start, CODE.limit, DATA.start, DATA.limit, 0)
HEAP, BLOCK, MUTEX, CYCLE, RATE, TICKS = range(DATA.start, DATA.start + 48, 8)
VARIABLES = Variables({Profiled.HEAP: HEAP, Profiled.BLOCK: BLOCK, Profiled.MUTEX: MUTEX}, CYCLE, RATE, TICKS)
FIRST = LISTS.start
BLOCKED = FIRST + 1024
SET = {HEAP: FIRST, BLOCK: BLOCKED, MUTEX: 0, CYCLE: 0, RATE: 512, TICKS: 10**9}


def bucket(
    profiled: int, size: int, counts: bytes, *, stack: tuple[int, ...] = (0x401000,), following: int = 0
) -> bytes:
    header = struct.pack("<6Q", 0, following, profiled, hash_of(stack, size), size, len(stack))
    return header + struct.pack(f"<{len(stack)}Q", *stack) + counts


def of_heap(allocations: int = 5, frees: int = 2, **more: int | tuple[int, ...]) -> bytes:
    return bucket(Profiled.HEAP, 64, struct.pack("<8Q", allocations, frees, *[0] * 6), **more)  # type: ignore[arg-type]


def of_block(**more: int | tuple[int, ...]) -> bytes:
    return bucket(Profiled.BLOCK, 0, struct.pack("<dq", 3.0, 900), **more)  # type: ignore[arg-type]


def read(
    variables: Mapping[int, int] = SET, buckets: Mapping[int, bytes] | None = None, rate_later: int = 512
) -> Listed:
    """What is read of a program whose memory holds these variables and buckets, by their addresses."""
    memory = {LISTS.start: bytearray(LISTS.limit - LISTS.start), DATA.start: bytearray(DATA.limit - DATA.start)}
    for at, value in variables.items():
        struct.pack_into("<Q", memory[DATA.start], at - DATA.start, value)
    for at, data in ({FIRST: of_heap(), BLOCKED: of_block()} | dict(buckets or {})).items():
        memory[LISTS.start][at - LISTS.start : at - LISTS.start + len(data)] = data

    def bytes_of(wanted: Range) -> bytes:
        for start, data in memory.items():
            if start <= wanted.start < start + len(data):
                return bytes(data[wanted.start - start :][: wanted.size]).ljust(wanted.size, b"\0")
        return bytes(wanted.size)

    reading = read_lists(VARIABLES, NEW, MODULE)
    try:
        wanted = next(reading)
        while True:
            answer = Answer(tuple(map(bytes_of, wanted)), (CODE, DATA, PLUGIN, LISTS))
            struct.pack_into("<Q", memory[DATA.start], RATE - DATA.start, rate_later)
            wanted = reading.send(answer)
    except StopIteration as done:
        listed: Listed = done.value
        return listed


def test_memory_that_tells_the_truth_is_read() -> None:
    listed = read()
    assert [(each.allocations, each.frees) for each in listed.heap] == [(5, 2)]
    assert [(each.contentions, each.ticks) for each in listed.delays[Profiled.BLOCK]] == [(3, 900)]
    assert not listed.left_out


@pytest.mark.parametrize(
    "first",
    [
        of_heap(following=FIRST),
        of_heap(following=BLOCKED),  # from one kind's list into another's
        of_heap(following=CODE.start),
        of_heap(following=FIRST + 4),
        of_heap(following=1 << 63),
        of_heap(following=LISTS.limit - 8),
        of_heap(stack=(0x901000,)),
        of_heap(stack=((1 << 64) - 1, 0x401000)),
        of_heap(stack=tuple(range(0x401000, 0x401000 + 1027))),
        bucket(Profiled.HEAP, 1 << 60, bytes(64)),
        bucket(Profiled.HEAP, 65, bytes(64)).replace(struct.pack("<Q", 65), struct.pack("<Q", 64)),
        bytes(4096),
        b"\xff" * 4096,
    ],
)
def test_a_heap_whose_list_lies_is_refused(first: bytes) -> None:
    with pytest.raises(Unreadable):
        read(buckets={FIRST: first})


@pytest.mark.parametrize("counts", [(1 << 63, 0), (1, 2), ((1 << 64) - 1, (1 << 64) - 1)])
def test_counts_that_overflow_are_not_believed(counts: tuple[int, int]) -> None:
    with pytest.raises(Unsteady):
        read(buckets={FIRST: of_heap(*counts)})


@pytest.mark.parametrize(
    "variables", [{RATE: 0}, {RATE: 1 << 63}, {HEAP: 0}, {HEAP: 1 << 63}, {HEAP: CODE.start}, {HEAP: FIRST + 1}]
)
def test_variables_that_cannot_be_are_refused(variables: dict[int, int]) -> None:
    with pytest.raises(Unreadable):
        read(SET | variables, rate_later=variables.get(RATE, 512))


@pytest.mark.parametrize(
    ("variables", "blocked"),
    [
        ({}, of_block(following=BLOCKED)),
        ({}, of_block(stack=(0x901000,))),
        ({}, bytes(128)),
        ({BLOCK: FIRST}, of_block()),
        ({BLOCK: CODE.start}, of_block()),
        ({TICKS: 0}, of_block()),
        ({TICKS: 1 << 50}, of_block()),
    ],
)
def test_delays_that_lie_are_left_out_with_the_reason_and_cost_the_heap_nothing(
    variables: dict[int, int], blocked: bytes
) -> None:
    listed = read(SET | variables, {BLOCKED: blocked})
    assert [(each.allocations, each.frees) for each in listed.heap] == [(5, 2)]
    assert not listed.delays
    assert listed.left_out[Profiled.BLOCK]


def test_a_rate_that_changes_while_the_samples_are_read_scales_none_of_them() -> None:
    with pytest.raises(Unsteady, match="changes its MemProfileRate"):
        read(rate_later=4096)


def test_a_function_table_that_lies_is_refused_or_names_nothing() -> None:
    offsets = (HEADER.size, HEADER.size, HEADER.size, HEADER.size, 1 << 16)
    table = bytearray(HEADER.pack(MAGIC, 0, 0, 1, 8, 1, 0, 0, *offsets).ljust(1 << 17, b"a"))
    struct.pack_into("<3I", table, 1 << 16, 0, 64, 1 << 20)
    found = FunctionTable(bytes(table)).at(16)
    assert found
    assert found.name == b""  # of 64 KiB without an end
    with pytest.raises(Unreadable, match="cut"):
        FunctionTable(HEADER.pack(MAGIC, 0, 0, 1, 8, 1 << 40, 0, 0, *offsets).ljust(1 << 17, b"\0"))
    with pytest.raises(Unreadable, match="points outside"):
        FunctionTable(bytes(table)).number(1 << 40)

"""Profiles from before protobuf: what is read, what is refused, and how. That the tables are pprof's is shown in
tests/integration/test_recorded_against_pprof.py."""

import struct
from pathlib import Path

import pytest

from app.analysis.merge import merged
from app.analysis.profile import BadProfile, read
from app.analysis.top import Top, top
from app.analysis.tree import tree
from app.analysis.verdict import check
from app.model import Kind

RECORDED = Path(__file__).parents[2] / "data" / "profiles"
MAP = b"00400000-00500000 r-xp 00000000 00:00 0 /srv/app\n7f00-7fff r-xp 0 00:00 0 /lib/libc.so.6\n"
HEAP = b"heap profile: 1: 64 [ 1: 64] @ heapprofile\n 1: 64 [1: 64] @ 0x400010 0x400020\n\nMAPPED_LIBRARIES:\n" + MAP
JEMALLOC = (
    b"heap_v2/%d\n  t*: 3: 300 [0: 0]\n  t0: 3: 300 [0: 0]\n@ 0x400010 0x400020\n  t*: 3: 300 [0: 0]\n"
    b"  t0: 3: 300 [0: 0]\n\nMAPPED_LIBRARIES:\n" + MAP
)


def cpu(word: str, samples: list[tuple[int, list[int]]], *, java: int = 0, tail: bytes = MAP) -> bytes:
    words = [0, 3, java, 10_000, 0]
    for count, stack in [*samples, (0, [0])]:
        words += [count, len(stack), *stack]
    return struct.pack(f"{word[0]}{len(words)}{word[1]}", *words) + tail


def flat(data: bytes) -> dict[str, int]:
    return {row.function: row.flat for row in of(data).rows if row.flat}


def of(data: bytes) -> Top:
    return top(read(data), 99)


@pytest.mark.parametrize("word", ["<I", ">I", "<Q", ">Q"])
def test_a_cpu_profile_of_gperftools_is_read_in_every_word_size_and_byte_order(word: str) -> None:
    table = of(cpu(word, [(3, [0x400010, 0x400100]), (1, [0x7F10, 0x400200])]))
    assert {row.function: (row.flat, row.cum) for row in table.rows} == {
        "[app]": (30_000_000, 40_000_000),
        "[libc.so.6]": (10_000_000, 10_000_000),
    }
    assert (table.kind, table.total) == ("cpu", 40_000_000)


def test_the_frame_of_the_signal_handler_is_left_out() -> None:
    made = read(cpu("<Q", [(1, [0x400000 + at, 0x7F01, 0x400900 + at]) for at in range(40)]))
    assert {len(ids) for _, ids in made.stacks(1)} == {2}
    assert "[libc.so.6]" not in {row.function for row in top(made, 9).rows}


def test_a_cpu_profile_that_is_cut_in_a_sample_is_said_to_be_cut() -> None:
    with pytest.raises(BadProfile, match="cut: it ends in the middle of a sample"):
        read(cpu("<Q", [(3, [1, 2, 3])], tail=b"")[:-40])


def test_java_names_its_functions() -> None:
    table = of(cpu("<Q", [(2, [1, 2])], java=1, tail=b" 0x1 com.example.Leaf.run (Leaf.java:3)\n 0x2 GC\n"))
    assert [(row.function, row.flat) for row in table.rows] == [("com.example.Leaf.run", 20_000_000), ("GC", 0)]


def test_text_that_counts_every_allocation_is_not_scaled() -> None:
    assert flat(HEAP) == {"[app]": 64}


def test_sampled_allocations_are_scaled_and_go_says_twice_its_rate() -> None:
    v2 = HEAP.replace(b"heapprofile", b"heapz_v2/524288")
    assert of(v2).total == of(HEAP.replace(b"heapprofile", b"heap/1048576")).total == 524320  # 64/(1-exp(-64/524288))


def test_what_was_ever_allocated_gives_four_sample_types() -> None:
    both = HEAP.replace(b"[ 1: 64]", b"[ 2: 128]").replace(b"[1: 64]", b"[2: 128]")
    assert of(both).sample_types == ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")
    assert (of(both).total, top(read(both), 9, "alloc_space").total) == (64, 128)


def test_jemalloc_is_read_and_scaled_and_its_threads_are_not_counted_twice() -> None:
    assert (of(JEMALLOC % 1).total, of(JEMALLOC % 1).kind) == (300, "heap")
    assert of(JEMALLOC % 524288).total == 1573014  # 300/(1-exp(-100/524288))


def test_the_totals_of_jemalloc_are_those_of_jeprof() -> None:
    made = read((RECORDED / "jemalloc.heap").read_bytes())
    # `jeprof --text --show_bytes --inuse_space`, and `--alloc_space`, of Debian's libjemalloc-dev 5.3.0
    assert [top(made, 1, sample_type).total for sample_type in ("inuse_space", "alloc_space")] == [26273803, 34931714]


def test_a_value_in_the_memory_map_is_put_where_its_name_stands() -> None:
    assert flat(HEAP.replace(b"/srv/app", b"$where/app").replace(b"LIBRARIES:\n", b"LIBRARIES:\nwhere=/opt\n")) == {
        "[app]": 64
    }


def test_leaked_goroutines_as_text_are_read() -> None:
    text = b"goroutineleak profile: total 5\n4 @ 0x1 0x2\n#\t0x1\tmain.f+0x1\t/a.go:3\n\n1 @ 0x3\n"
    assert (of(text).kind, of(text).total) == ("goroutineleak", 5)


def test_contention_of_go_is_scaled_from_cycles() -> None:
    table = of(b"--- mutex:\ncycles/second=2000000000\nsampling period=5\n100 2 @ 0x1 0x2\n")
    assert (table.kind, table.total, table.sample_types) == ("contention", 250, ("contentions", "delay"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cppbench.cpu", Kind.CPU),
        ("cppbench.heap", Kind.HEAP),
        ("cppbench.growth", Kind.HEAP),
        ("cppbench.contention", Kind.MUTEX),
        ("java.cpu", Kind.CPU),
        ("java.heap", Kind.HEAP),
        ("java.contention", Kind.BLOCK),
        ("gobench.heap", Kind.HEAP),
        ("cppbench.thread", Kind.OTHER),
        ("go.godoc.thread", Kind.THREADCREATE),
    ],
)
def test_a_legacy_file_is_good_for_its_kind(name: str, kind: Kind) -> None:
    assert check(kind, RECORDED / name) is None
    if kind is not Kind.CPU:
        assert check(Kind.CPU, RECORDED / name) is not None


@pytest.mark.parametrize("name", ["cppbench.cpu", "cppbench.heap", "java.heap"])
def test_a_legacy_file_has_a_tree_and_can_be_merged(name: str) -> None:
    path = RECORDED / name
    alone = read(path.read_bytes())
    assert tree(alone).total == top(alone, 1).total
    assert of(merged([path, path])).total == 2 * top(alone, 1).total


THREAD = b"--- threadz 1 ---\n\n--- Thread 7f79 (name: main/14748) stack: ---\n  PC:  0x00bc8f1c: helper\n"
JAVA = (
    b"--- contentionz 1 ---\nresolution = microseconds\n      5     1 @ 0x3\n 0x3 com.example.Leaf.run (Leaf.java:3)\n"
)


def test_a_profile_of_java_need_not_say_so() -> None:
    assert flat(JAVA) == {"com.example.Leaf.run": 5}


def test_numbers_of_different_signs_are_scaled_as_pprof_does() -> None:
    data = HEAP.replace(b"heapprofile", b"heapz_v2/524288")
    assert flat(data.replace(b"\n 1: 64 [", b"\n -1: 64 [")) == {"[app]": -524256}
    assert flat(data.replace(b"\n 1: 64 [", b"\n -1: " + b"9" * 18 + b" [")) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAP + b"x" * (2 << 20), "a line has more than"),
        (HEAP.replace(b" 1: 64 [", b" 0: 64 ["), "bytes without objects"),
        (HEAP.replace(b"0x400010", b"0x" + b"f" * 17), "an address has more than 64 bits"),
        (HEAP.replace(b" 1: 64 [", b" 1: " + b"9" * 19 + b" ["), "no number of 64 bits"),
        (HEAP.replace(b" 1: 64 [", b" 1: " + b"9" * 9999 + b" ["), "no number of 64 bits"),
        (HEAP.replace(b"heapprofile", b"heaplike"), "heaplike, which is unknown"),
        (b"goroutine profile: total 1\nnonsense\n", "neither a count nor the memory map"),
        (b"--- mutex:\ncycles/second=1\nnonsense\n", "neither a sample nor the memory map"),
        (b"--- threadz 1 ---\n--- nonsense\n", "neither a thread, an address nor the memory map"),
        (b"--- threadz 1 ---\n", "a thread profile that is cut: no memory map follows the threads"),
        (THREAD, "a thread profile that is cut: no memory map follows the threads"),
        (JAVA.replace(b" @ ", b" = ", 1), "of Java with the attribute '5     1', which is unknown"),
        (b"heap_v2/1\nnonsense\n", "neither a stack, counts nor the memory map"),
        (cpu("<Q", [(1 << 60, [1])]), "no number of 64 bits"),
        (b"heap profiles are nice", "not a pprof profile"),
    ],
)  # fmt: skip
def test_a_broken_legacy_file_is_refused_with_the_reason(text: bytes, said: str) -> None:
    with pytest.raises(BadProfile, match=said):
        read(text)

"""The text of `perf script` made into pprof. That pprof reads it: tests/integration/test_top_against_pprof.py."""

from pathlib import Path

import pytest

from app.analysis.convert import Format, convert
from app.analysis.profile import BadProfile, Profile, ValueType, read
from app.analysis.top import top
from app.model import Kind

PROFILES = Path(__file__).parents[2] / "data" / "profiles"
RECORDED = Path(__file__).parents[2] / "data" / "profilers" / "perf-script.txt"
COUNTED, TIMED = ValueType("samples", "count"), ValueType("cpu", "nanoseconds")
HEADER = b"order mq 21181/21190 [003]   851.518981:   10101010 cpu-clock:ppp: \n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "text"


def made(path: Path, text: bytes) -> Profile:
    path.write_bytes(text)
    return read(convert(Format.PERF_SCRIPT, path).data)


def table(profile: Profile, sample_type: str | None = None) -> dict[str, tuple[int, int]]:
    return {row.function: (row.flat, row.cum) for row in top(profile, 1000, sample_type).rows}


def sample(*frames: bytes, header: bytes = HEADER) -> bytes:
    return header + b"".join(b"\t    7f746f8da9c0 %s\n" % frame for frame in frames) + b"\n"


def refused(path: Path, text: bytes) -> str:
    with pytest.raises(BadProfile) as caught:
        made(path, text)
    return str(caught.value)


def test_the_first_frame_is_the_leaf_and_the_last_the_root(path: Path) -> None:
    text = sample(b"leaf+0x9e (/srv/app)", b"main+0x1 (/srv/app)") + sample(b"main+0x7 (/srv/app)")
    assert table(made(path, text), "samples") == {"leaf": (1, 1), "main": (1, 2)}


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (b"main.(*tree[...]).walk+0x1c (/srv/app)", "main.(*tree[...]).walk"),
        (b"std::map<int, a>::get(int) const+0x1 (/srv/app)", "std::map<int, a>::get"),
        (b"operator+ (inlined)", "operator+"),
        (b"runtime.main+0x2d5 (inlined)", "runtime.main"),
        (b"hot(int)+0x2", "hot"),
        (b"hot+0x2", "hot"),
        (b"hot", "hot"),
        (b"apply<int (*)(int)>", "apply<int (*)(int)>"),
        (b"f+0x2 (/srv/my app (deleted))", "f"),
        (b"[unknown] (/usr/lib/libcrypto.so.3)", "[libcrypto.so.3]"),
        (b"[unknown] (/srv/app (deleted))", "[app]"),
        (b"[unknown] ([kernel.kallsyms])", "[kernel.kallsyms]"),
        (b"[unknown] (//anon)", "[anon]"),
        (b"[unknown] ([unknown])", "[unknown]"),
        (b" (/srv/app)", "[unknown]"),
        ("läuft\r\x1b[31m+0x1 (/srv/app)".encode(), "läuft\r\x1b[31m"),
    ],
)
def test_a_function_has_its_name_or_that_of_its_binary(path: Path, frame: bytes, name: str) -> None:
    assert list(table(made(path, sample(frame)))) == [name]


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        b"python  2865   851.518981:   10101010 cpu-clock:ppp: \n",
        b"         swapper     0 [000] 158665.570607:   10101010 task-clock: \n",
        b":7 7 1.0: 10101010 cpu-clock:u:\n",
        b" 1 2.0: 3 cycles:  7/7 1.0: 10101010 cpu-clock:\n",  # the process named itself after a header
    ],
)
def test_the_period_of_a_clock_is_time(path: Path, header: bytes) -> None:
    profile = made(path, sample(b"main+0x1 (a)", header=header) * 2)
    assert profile.sample_types == (COUNTED, TIMED)
    assert table(profile) == {"main": (20202020, 20202020)}
    assert profile.message.period == 10101010


@pytest.mark.parametrize(
    ("event", "types", "total", "kind"),
    [
        (b"12345 cycles:Pu:", ["samples/count", "cycles/count"], 24690, Kind.CPU),
        (b"5 cpu_core/cycles/P:", ["samples/count", "cpu_core/cycles/P/count"], 10, Kind.CPU),
        (b"cpu-clock:", ["samples/count"], 2, Kind.CPU),
        (b"cycles:", ["samples/count"], 2, Kind.CPU),
        (b"7 page-faults:u:", ["samples/count", "page-faults/count"], 14, Kind.OTHER),
        (b"page-faults:", ["page-faults/count"], 2, Kind.OTHER),
        (b"sched:sched_switch: prev_comm=a b: 7 x prev_pid=1 (x)", ["sched:sched_switch/count"], 2, Kind.OTHER),
        (b"", ["samples/count"], 2, Kind.CPU),
    ],
)
def test_an_event_is_counted_in_what_it_is(path: Path, event: bytes, types: list[str], total: int, kind: Kind) -> None:
    path.write_bytes(sample(b"main+0x1 (a)", header=b"python 7 1.0: " + event + b" \n") * 2)
    converted = convert(Format.PERF_SCRIPT, path)
    profile = read(converted.data)
    assert [f"{each.type}/{each.unit}" for each in profile.sample_types] == types
    assert (table(profile), converted.kind) == ({"main": (total, total)}, kind)


def several(*events: bytes) -> bytes:
    return b"".join(sample(b"main+0x1 (a)", header=b"python 7 1.0: " + event + b" \n") for event in events)


@pytest.mark.parametrize(
    ("events", "totals", "shown"),
    [
        (
            [b"5 cpu-clock:", b"7 context-switches:", b"5 cpu-clock:"],
            {"cpu/nanoseconds": 10, "context-switches/count": 7},
            "cpu",
        ),
        ([b"5 cycles:u:", b"7 cycles:k:"], {"cycles:u/count": 5, "cycles:k/count": 7}, "cycles:k"),
        (
            [b"5 cycles:", b"sched:sched_switch: a ==> b", b"sched:sched_switch: b ==> a"],
            {"cycles/count": 5, "sched:sched_switch/count": 2},
            "sched:sched_switch",
        ),
        ([b"5 cpu-clock:", b"7 task-clock:"], {"cpu-clock/nanoseconds": 5, "task-clock/nanoseconds": 7}, "task-clock"),
        (
            [b"cpu-clock:", b"cpu-clock:", b"page-faults:"],
            {"cpu-clock/count": 2, "page-faults/count": 1},
            "page-faults",
        ),
        ([b"5 cpu-clock:ppp:", b"7 cpu-clock:"], {"samples/count": 2, "cpu/nanoseconds": 12}, "cpu"),
    ],
)
def test_several_events_are_several_sample_types(
    path: Path, events: list[bytes], totals: dict[str, int], shown: str
) -> None:
    profile = made(path, several(*events))
    assert {f"{each.type}/{each.unit}": top(profile, 1, each.type).total for each in profile.sample_types} == totals
    assert top(profile, 1).sample_type == shown


def test_a_sample_without_frames_counts_in_the_total(path: Path) -> None:
    profile = made(path, sample() + sample(b"main+0x1 (a)"))
    assert top(profile, 10, "samples").total == 2
    assert table(profile, "samples") == {"main": (1, 1)}


def test_what_perf_says_of_the_recording_is_passed_over(path: Path) -> None:
    assert table(made(path, b"# ========\n# cmdline : perf record\n#\n\n" + sample(b"main+0x1 (a)"))) != {}


def test_an_empty_file_is_of_an_idle_process(path: Path) -> None:
    profile = made(path, b"")
    assert (top(profile, 10).total, profile.sample_types) == (0, (COUNTED, TIMED))


def test_what_perf_wrote_is_read(path: Path) -> None:
    profile = made(path, RECORDED.read_bytes())
    assert top(profile, 1, "samples").total == 16
    rows = table(profile, "samples")
    assert rows["pv_native_safe_halt"] == (1, 1)
    assert rows["PyEval_EvalCode"][1] >= 1, "and callers of inlined functions"
    assert "move_unreachable" in rows, "and these themselves"
    assert not [name for name in rows if "+0x" in name or "/" in name]


@pytest.mark.parametrize(
    "line",
    [b"python 7 1.0", b"\t7f74 main+0x1 (a)", b"7 1.0: 5 cpu-clock:",
     b"python x 1.0: 5 cpu-clock:", b"a 12 17378 cpu-clock:", b"python 7 1: 5 cpu-clock:", b"main;leaf 1", b"\xff\xfe"],
)  # fmt: skip
def test_what_begins_no_sample_is_named(path: Path, line: bytes) -> None:
    said = refused(path, sample(b"main+0x1 (a)") + line + b"\n\n")
    assert said == "line 4 is no beginning of a sample: `comm pid time: period event:` was expected"


@pytest.mark.parametrize("line", [b"\t7f74", b"\t7f74 main (a", b"main+0x1 (a)", b"\txyz m (a)", HEADER[:-1]])
def test_what_is_no_frame_is_named(path: Path, line: bytes) -> None:
    said = refused(path, HEADER + b"\t7f74 main+0x1 (a)\n" + line + b"\n\n")
    assert said == "line 3 is no frame: `address symbol (binary)` was expected"


ONE = {"main": (1, 1)}


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        (b"a b; (c) 12: 27140 2026-11-27 20:25:23.117272  2104.877510:  5 cpu-clock: \n\t1 main+0x1 (/b)\n\n", ONE),
        (b"a b; (c) 12: 27140 2026-11-27 20:25:23.117272          5 cpu-clock: \n\t1 main+0x1 (/b)\n\n", ONE),
        (b"#name 16912   10101010 cpu-clock: \n\t1 main+0x1 (/b)\n\n", ONE),
        (b"a 12 16912         10 cpu-clock: \n\t1 main+0x1 (/b)\n\n", ONE),
        (b"#name 16912/16912 28358.419331: \n\t1 main (/b)\n\n", ONE),
        (b"#name 16912 28358.419331156:   10101010 cpu-clock:u: \n\t1 main (/b)\n\n", ONE),
        (b"a 7 1.0: 5 cpu-clock:  /user.slice/a b \n\t1 main (/b)\n\n", ONE),
        (b"a 7 1.0: 5 cpu-clock: \n\t1 main+0x2 (/b)\n  a b.cpp:12\n\n", ONE),
        (b"a 7 1.0: 5 cpu-clock: \n\t1 main+0x2 (/b)\n  [kernel.kallsyms][ffff]\n\n", ONE),
        (b"        a 7 1.0: 5 cpu-clock:   55d8 main+0x1 (/b)\n", ONE),
        (b"        a 7 1.0: 5 cpu-clock: /user.slice  55d8 main+0x1 (/b)\n", ONE),
        (b"        a 7 1.0: 5 cpu-clock:   55d8 main+0x1 (/b)\n  b.cpp:7\n" * 2, {"main": (2, 2)}),
        (b"     beef 7 1.0: 5 cpu-clock:   55d8 main+0x1 (/b)\n" * 3, {"main": (3, 3)}),
        (
            b"     beef 7 1.0: 5 cpu-clock:   55d8 main (/b)\n     7 7 1.0: 5 cpu-clock: \n\t1 main (/b)\n\n",
            {"main": (2, 2)},
        ),
        (b"a 7 1.0: x:y: dfd: 0x1, name: 0x2 \n" * 2 + b"a 7 1.0: x:y: dfd: 1 b (c) \n\t1 main (/b)\n\n", ONE),
        (b"a 7 1.0: PERF_RECORD_COMM exec: b:7/7\na 7 1.0: 5 cpu-clock: \n\t1 main (/b)\n\n", ONE),
        (
            b"a 7 1.0: PERF_RECORD_EXIT(7:7):(1:1)\nb 0 0.0: PERF_RECORD_MMAP -1/0: [0x1(0x2) @ 0]: x a\n"
            + sample(b"main (a)"),
            ONE,
        ),
        (sample(b"main (a)").replace(b"\n", b"\r\n"), ONE),
        (b"kworker/0:1 7/9 [003] cpu-clock: \n\t1 main (/b)\n\n", ONE),
        (b"    VM Thread 7 cycles:\n\t1 main (/b)\n\n", ONE),
        (b"            a b 7 cycles:      7f78176f73aa main (/b)\n", ONE),
        (b"a 7 U     1.0:  5 cpu-clock:\n\t1 main (/b)\n\n", ONE),
        (b"a 7 1.0: 5 cpu-clock:  7f78176f73aa main+0x8 (/b) insn: 89 c7\n", ONE),
        (b"a 7 1.0: 5 cpu-clock: \n\t1 main (/b)\n insn: 75 fb\n" * 2, {"main": (2, 2)}),
        (b"java 7 cycles:\nffffffff8103d0ca main ([kernel.kallsyms])\n\n", ONE),
    ],
    ids=[
        "time of day",
        "time of day alone",
        "no time, #name",
        "no time, name with a number",
        "no event",
        "nanoseconds",
        "cgroup",
        "srcline",
        "no srcline",
        "no call graph",
        "no call graph, cgroup",
        "no call graph, srcline",
        "hex name",
        "both",
        "tracepoint",
        "task events",
        "mmap events",
        "CRLF",
        "neither time nor period",
        "neither time nor period, name of two words",
        "neither time nor period, no call graph",
        "misc",
        "insn, no call graph",
        "insn",
        "frames without their blanks",
    ],
)
def test_fields_may_be_chosen(path: Path, text: bytes, samples: dict[str, tuple[int, int]]) -> None:
    profile = made(path, text)
    assert table(profile, profile.sample_types[0].type if "samples" in str(profile.sample_types) else None) == samples


def test_a_frame_has_its_source(path: Path) -> None:
    message = made(path, b"a 7 1.0: 5 cpu-clock: \n\t1 main+0x2 (/b)\n  a b.cpp:12\n\n").message
    assert [message.string_table[each.filename] for each in message.function] == [b"a b.cpp"]
    assert [location.line[0].line for location in message.location] == [12]


@pytest.mark.parametrize(
    ("name", "kind", "types", "hottest"),
    [
        ("6.1-tod", Kind.CPU, ["samples", "cpu"], "apply<hot(int)::{lambda(int)#1}>"),
        ("6.1-tracepoint", Kind.OTHER, ["syscalls:sys_enter_openat"], "__GI___libc_open"),
        ("6.1-two-events", Kind.OTHER, ["samples", "context-switches"], "schedule"),
        ("6.1-three-events", Kind.CPU, ["page-faults", "context-switches", "cpu"], None),
        ("6.1-no-call-graph", Kind.CPU, ["samples", "cpu"], "finish_task_switch.isra.0"),
        ("6.1-task-events", Kind.CPU, ["samples", "cpu"], None),
        ("7.2-go", Kind.CPU, ["samples", "cpu"], "main.(*S[go.shape.int]).Hot"),
        ("7.3-cpp", Kind.CPU, ["samples", "cpu"], "orders::Basket<double>::total"),
        ("7.3-rust", Kind.CPU, ["samples", "cpu"], "<hot::orders::Basket<f32>>::total"),
    ],
)
def test_what_perf_wrote_of_other_choices_is_read(name: str, kind: Kind, types: list[str], hottest: str | None) -> None:
    converted = convert(Format.PERF_SCRIPT, PROFILES / f"perf-{name}.txt")
    profile = read(converted.data)
    assert (converted.kind, [each.type for each in profile.sample_types]) == (kind, types)
    assert hottest is None or top(profile, 1).rows[0].function == hottest


@pytest.mark.parametrize("text", [HEADER, HEADER + b"\t7f74 main+0x1 (a)\n"])
def test_a_single_sample_that_does_not_end_is_named(path: Path, text: bytes) -> None:
    assert refused(path, text) == "the last sample, which begins on line 1, is cut: no empty line follows it"


@pytest.mark.parametrize("text", [HEADER, HEADER + b"\t7f74 main+0x1 (a)\n"])
def test_a_last_sample_that_does_not_end_is_left_out_and_said(path: Path, text: bytes) -> None:
    assert table(made(path, sample(b"main+0x1 (a)") + text), "samples") == {"main": (1, 1)}
    note = convert(Format.PERF_SCRIPT, path).note
    assert note == "the last sample, which begins on line 4, is cut, and left out: no empty line follows it"


def test_a_cut_line_is_named(path: Path) -> None:
    assert refused(path, HEADER + b"\t7f74 main+0x1 (a") == "line 2 is cut: it has no end"


def outcome(path: Path, text: bytes) -> str:
    path.write_bytes(text)
    try:
        return convert(Format.PERF_SCRIPT, path).note
    except BadProfile as error:
        return str(error)


def test_a_recording_that_is_cut_anywhere_is_refused_or_says_so_or_ends_between_samples(path: Path) -> None:
    whole = RECORDED.read_bytes()
    line_ends = [at + 1 for at, byte in enumerate(whole[:6000]) if byte == ord("\n")]
    for end in (*range(97, len(whole), 97), *line_ends):
        if not whole[:end].endswith(b"\n\n"):
            assert "cut" in outcome(path, whole[:end])

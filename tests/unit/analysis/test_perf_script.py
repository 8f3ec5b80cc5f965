"""The text of `perf script` made into pprof. That pprof reads it: tests/integration/test_top_against_pprof.py."""

from pathlib import Path

import pytest

from app.analysis.convert import Format, convert
from app.analysis.profile import BadProfile, Profile, ValueType, read
from app.analysis.top import top
from app.analysis.verdict import check
from app.model import Kind

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
        (b"std::map<int, a>::get(int) const+0x1 (/srv/app)", "std::map<int, a>::get(int) const"),
        (b"operator+ (inlined)", "operator+"),
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
    "header",
    [b"python 7 1.0:  12345 cycles:Pu: \n", b"python 7 1.0: cpu-clock: \n", b"python 7 1.0: 5 cpu_core/cycles/P: \n"],
)
def test_other_events_are_only_counted(path: Path, header: bytes) -> None:
    text = sample(b"main+0x1 (a)") + sample(b"main+0x1 (a)", header=header)
    profile = made(path, text)
    assert profile.sample_types == (COUNTED,)
    assert table(profile) == {"main": (2, 2)}
    path.write_bytes(convert(Format.PERF_SCRIPT, path).data)
    assert check(Kind.CPU, path) is None


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
    [b"python 7 1.0: 5 cpu-clock: 7f74 main (a)", b"python 7 1.0", b"\t7f74 main+0x1 (a)", b"7 1.0: 5 cpu-clock:",
     b"python x 1.0: 5 cpu-clock:", b"python 7 1: 5 cpu-clock:", b"main;leaf 1", b"\xff\xfe"],
)  # fmt: skip
def test_what_begins_no_sample_is_named(path: Path, line: bytes) -> None:
    said = refused(path, sample(b"main+0x1 (a)") + line + b"\n\n")
    assert said == "line 4 is no beginning of a sample: `comm pid time: period event:` was expected"


@pytest.mark.parametrize(
    "line", [b"\t7f74", b"\t7f74 main", b"\t7f74 main (a", b"main+0x1 (a)", b"\txyz m (a)", HEADER[:-1]]
)
def test_what_is_no_frame_is_named(path: Path, line: bytes) -> None:
    said = refused(path, HEADER + b"\t7f74 main+0x1 (a)\n" + line + b"\n\n")
    assert said == "line 3 is no frame: `address symbol (binary)` was expected"


@pytest.mark.parametrize("text", [HEADER, HEADER + b"\t7f74 main+0x1 (a)\n", sample(b"main+0x1 (a)") + HEADER])
def test_a_sample_that_does_not_end_is_named(path: Path, text: bytes) -> None:
    first = text.count(HEADER) * 3 - 2
    assert refused(path, text) == f"the last sample, which begins on line {first}, is cut: no empty line follows it"


def test_a_cut_line_is_named(path: Path) -> None:
    assert refused(path, HEADER + b"\t7f74 main+0x1 (a") == "line 2 is cut: it has no end"


def test_a_recording_that_is_cut_anywhere_is_refused_or_ends_between_samples(path: Path) -> None:
    whole = RECORDED.read_bytes()
    for end in range(0, len(whole), 97):
        if not whole[:end].endswith(b"\n\n") and end:
            assert "cut" in refused(path, whole[:end])

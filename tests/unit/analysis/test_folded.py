"""Folded stacks made into pprof. That `go tool pprof` reads them: tests/integration/test_top_against_pprof.py."""

import gzip
from pathlib import Path

import pytest

from app.analysis import stacks
from app.analysis.convert import Format, convert
from app.analysis.profile import BadProfile, Profile, ValueType, read
from app.analysis.stacks import Options
from app.analysis.top import top
from app.analysis.verdict import check
from app.model import Kind

PROFILES = Path(__file__).parents[2] / "data" / "profiles"
RECORDED = Path(__file__).parents[2] / "data" / "profilers" / "py-spy.folded"
COUNTED, TIMED = ValueType("samples", "count"), ValueType("cpu", "nanoseconds")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "text"


def made(path: Path, text: bytes, rate: int | None = 100, seconds: float | None = None) -> Profile:
    path.write_bytes(text)
    return read(convert(Format.FOLDED, path, Options(rate, seconds=seconds)).data)


def table(profile: Profile, sample_type: str | None = None) -> dict[str, tuple[int, int]]:
    return {row.function: (row.flat, row.cum) for row in top(profile, 1000, sample_type).rows}


def refused(path: Path, text: bytes) -> str:
    with pytest.raises(BadProfile) as caught:
        made(path, text)
    return str(caught.value)


def test_the_last_frame_is_the_leaf_and_the_first_the_root(path: Path) -> None:
    profile = made(path, b"main;caller;leaf 3\nmain;caller 1\n")
    assert table(profile, "samples") == {"leaf": (3, 3), "caller": (1, 4), "main": (0, 4)}


def test_a_name_is_everything_between_semicolons(path: Path) -> None:
    names = ["<module> (my app/run.py:12)", "std::map<int, a>::get(int) 7", "läuft\r\x1b[31m\x00", "[unknown]"]
    profile = made(path, ";".join(["main", *names]).encode() + b" 1\n")
    assert set(table(profile)) == {"main", *names}


def test_a_frame_without_a_name_is_unknown(path: Path) -> None:
    assert table(made(path, b"main;;leaf 1\n"), "samples")["[unknown]"] == (0, 1)


def test_bytes_that_are_no_text_are_shown_as_such(path: Path) -> None:
    profile = made(path, b"main;a\xffb 1\n")
    assert "a\ufffdb" in table(profile)
    assert "a\ufffdb".encode() in profile.message.string_table, "for readers that take no other bytes"


def test_each_name_is_one_function_and_one_location(path: Path) -> None:
    message = made(path, b"main;a;b;a 1\nmain;b 2\nmain;a;b;a 4\n").message
    assert (len(message.function), len(message.location), len(message.sample)) == (3, 3, 2)


def test_time_is_counted_by_the_rate(path: Path) -> None:
    profile = made(path, b"main 3\n", rate=200, seconds=1.5)
    assert profile.sample_types == (COUNTED, TIMED)
    assert [(top(profile, 1, t).total) for t in ("samples", "cpu")] == [3, 15_000_000]
    assert (profile.message.period, profile.duration_seconds) == (5_000_000, 1.5)
    assert top(profile, 1).sample_type == "cpu"


def test_without_a_rate_samples_are_only_counted(path: Path) -> None:
    profile = made(path, b"main 3\n", rate=None)
    assert profile.sample_types == (COUNTED,)
    assert table(profile) == {"main": (3, 3)}


@pytest.mark.parametrize("rate", [100, None])
def test_what_is_made_is_a_whole_profile_of_the_kind_cpu(path: Path, rate: int | None) -> None:
    path.write_bytes(convert(Format.FOLDED, RECORDED, Options(rate)).data)
    assert check(Kind.CPU, path) is None


def test_an_empty_file_is_of_an_idle_process(path: Path) -> None:
    profile = made(path, b"")
    assert (top(profile, 10).total, profile.sample_types) == (0, (COUNTED, TIMED))


def test_what_py_spy_wrote_is_read(path: Path) -> None:
    rows = table(made(path, RECORDED.read_bytes()), "samples")
    assert rows["leaf.<locals>.<genexpr> (app.py:3)"] == (153, 153)
    assert rows["rec (app.py:5)"] == (0, 151)  # recursive, six deep
    assert rows["<module> (<string>:1)"] == (4, 4)


@pytest.mark.parametrize(
    "line",
    [b"main", b"main;leaf", b"main x", b"main 1.", b"main .5", b"main -1", b"main ", b"main \xd9\xa3", b"m 1e3",
     b"1", b" 1", b"#1;main"],
)  # fmt: skip
def test_a_line_without_a_count_is_named(path: Path, line: bytes) -> None:
    said = refused(path, b"main 1\n" + line + b"\nmain 2\n")
    assert said == "line 2 is no folded stack: it does not end with a space and a count"


@pytest.mark.parametrize("rest", [b"main;leaf", b"main;leaf ", b"m", b"main 1."])
def test_a_cut_line_is_named(path: Path, rest: bytes) -> None:
    assert refused(path, b"main 1\n" + rest) == "line 2 is cut: it has no end"


def test_the_last_line_needs_no_newline(path: Path) -> None:
    assert table(made(path, b"main 1\nmain;leaf 2"), "samples") == {"leaf": (2, 2), "main": (1, 3)}


@pytest.mark.parametrize(
    "text",
    [
        b"main;leaf 3\r\nmain 1\r\n",
        b"main;leaf 3\r\nmain 1",
        b"\xef\xbb\xbfmain;leaf 3\nmain 1\n",
        b"\nmain;leaf 3\n\r\n  \nmain 1\n\n",
        b"# austin: 3.6.0\n# duration: 1234\n#\nmain;leaf 3\n#a note\nmain 1\n# main;leaf 7\n",
        b"main;leaf\t3\nmain \t 1 \n",
    ],
    ids=["CRLF", "CRLF, not at the end", "byte order mark", "empty lines", "comments", "tabs"],
)
def test_what_is_around_the_stacks_does_not_count(path: Path, text: bytes) -> None:
    assert table(made(path, text), "samples") == {"leaf": (3, 3), "main": (1, 4)}


def test_a_thread_may_be_called_as_a_comment_begins(path: Path) -> None:
    assert table(made(path, b"#1;main 3\n"), "samples") == {"main": (3, 3), "#1": (0, 3)}


def test_a_tab_within_a_name_is_of_the_name(path: Path) -> None:
    assert "a\tb" in table(made(path, b"main;a\tb 3\n"))


def test_fractions_are_added_up_before_they_are_rounded(path: Path) -> None:
    text = b"main;a 0.25\n" * 10 + b"main;b 1.4\nmain;c 3\n"
    assert {name: flat for name, (flat, _) in table(made(path, text), "samples").items()} == {
        "a": 2, "b": 1, "c": 3, "main": 0,
    }  # fmt: skip
    assert table(made(path, text), "cpu")["a"] == (25_000_000, 25_000_000)


@pytest.mark.parametrize("text", [b"main;a 10 12\nmain;b 0 3\n", b"main;a 10 12", b"main;a 1.5 2.5\r\n# x\nb 0 1\n"])
def test_a_difference_of_two_profiles_is_refused_by_name(path: Path, text: bytes) -> None:
    assert refused(path, text).startswith("every stack has two counts, as difffolded.pl writes them")


def test_a_name_that_ends_with_a_number_is_no_difference(path: Path) -> None:
    assert table(made(path, b"main;worker 7 3\nmain 1\n"), "samples")["worker 7"] == (3, 3)


def test_a_count_that_no_profile_can_hold_is_named(path: Path) -> None:
    path.write_bytes(b"main 9223372036854775807\n")
    assert top(read(convert(Format.FOLDED, path).data), 1).total == 2**63 - 1
    assert refused(path, b"main 9223372036854775808\n") == "line 1 is one too many: the sum is no number of 64 bits"
    assert refused(path, b"main " + b"9" * 5000 + b"\n") == "line 1 is one too many: its count is no number of 64 bits"


# ---------------------------------------------------------------------- what the counts are


@pytest.mark.parametrize(
    ("options", "types", "total", "kind"),
    [
        (Options(), ["samples/count"], 4, Kind.CPU),
        (Options(sample="cpu"), ["samples/count"], 4, Kind.CPU),
        (Options(rate=1000), ["samples/count", "cpu/nanoseconds"], 4_000_000, Kind.CPU),
        (Options(rate=0.5), ["samples/count", "cpu/nanoseconds"], 8_000_000_000, Kind.CPU),
        (Options(rate=20, sample="wall"), ["samples/count", "wall/nanoseconds"], 200_000_000, Kind.OTHER),
        (Options(unit="nanoseconds"), ["cpu/nanoseconds"], 4, Kind.CPU),
        (Options(unit="microseconds"), ["cpu/nanoseconds"], 4000, Kind.CPU),
        (Options(unit="seconds", sample="wall"), ["wall/nanoseconds"], 4_000_000_000, Kind.OTHER),
        (Options(unit="bytes", sample="alloc"), ["alloc/bytes"], 4, Kind.OTHER),
        (Options(sample="alloc"), ["alloc/count"], 4, Kind.OTHER),
    ],
)
def test_the_counts_are_what_the_options_say(
    path: Path, options: Options, types: list[str], total: int, kind: Kind
) -> None:
    path.write_bytes(b"main;leaf 3\nmain 1\n")
    converted = convert(Format.FOLDED, path, options)
    profile = read(converted.data)
    assert [f"{each.type}/{each.unit}" for each in profile.sample_types] == types
    assert (top(profile, 1).total, converted.kind) == (total, kind)
    assert converted.nanoseconds == (total if "nanoseconds" in types[-1] else 0)


@pytest.mark.parametrize(
    ("name", "options", "seconds"),
    [
        ("async-profiler-4.3-total.folded", Options(unit="nanoseconds"), 0.140133800),
        ("async-profiler-4.3-interval-1ms.folded", Options(rate=1000), 0.114),
        ("async-profiler-4.3-wall.folded", Options(rate=20, sample="wall"), 22.95),  # of 22 threads
        ("austin-3.7-wall.folded", Options(unit="microseconds", sample="wall"), 0.772745),
        ("austin-4.0-wall.folded", Options(unit="microseconds", sample="wall"), 0.321543),
        ("python-3.15-wall.folded", Options(rate=1000, sample="wall"), 3.622),  # of two threads in two seconds
    ],
)
def test_what_samplers_wrote_has_its_times(name: str, options: Options, seconds: float) -> None:
    profile = read(convert(Format.FOLDED, PROFILES / name, options).data)
    assert top(profile, 1).total / 1e9 == pytest.approx(seconds)


def test_what_py_spy_wrote_of_threads_has_their_names_as_frames(path: Path) -> None:
    profile = read(convert(Format.FOLDED, PROFILES / "py-spy-0.4.3-threads.folded", Options(rate=100)).data)
    rows = table(profile, "samples")
    assert rows["thread (22528): MainThread"] == (0, 52)
    assert rows["thread (22574): wörker 1"][1] == rows["2"][1] == 62, "a `;` in a name cannot be told apart"


def test_a_line_without_end_is_named_and_not_kept(path: Path) -> None:
    assert refused(path, b"main 1\n" + b"x" * (2 << 20) + b" 1\n") == "line 2 is longer than any stack"


def test_of_an_endless_stack_both_ends_are_kept(path: Path) -> None:
    frames = [b"f%d" % number for number in range(5000)]
    rows = table(made(path, b";".join(frames) + b" 2\n"), "samples")
    assert len(made(path, path.read_bytes()).locations) == stacks.DEEPEST
    assert (rows["f4999"], rows["f0"], rows["(frames left out)"]) == ((2, 2), (0, 2), (0, 2))
    assert "f2500" not in rows


def test_a_stack_that_is_just_deep_enough_is_whole(path: Path) -> None:
    frames = [b"f%d" % number for number in range(stacks.DEEPEST)]
    assert "(frames left out)" not in table(made(path, b";".join(frames) + b" 2\n"))


def test_a_sum_of_more_than_64_bits_is_named(path: Path) -> None:
    line = b"main 999999999999999999\n"
    assert refused(path, line * 2) == "line 1 is one too many: the sum is no number of 64 bits"
    path.write_bytes(line * 10)
    with pytest.raises(BadProfile, match=r"^line 10 is one too many: the sum"):
        convert(Format.FOLDED, path)


@pytest.mark.parametrize(
    ("bound", "most", "what"),
    [
        ("MOST_NAMES", 3, "names"),
        ("MOST_LETTERS", 3, "bytes of names"),
        ("MOST_STACKS", 2, "different stacks"),
        ("MOST_FRAMES", 5, "frames in different stacks"),
    ],
)
def test_what_differs_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, what: str) -> None:
    monkeypatch.setattr(stacks, bound, most)
    assert table(made(path, b"a;b 1\na;c 1\n" + b"a;b 1\n" * 20), "samples")["b"] == (21, 21)
    assert refused(path, b"a;b 1\na;c 1\na;d 1\n") == f"line 3 is one too many: there are more than {most} {what}"


def test_text_and_profile_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"main 1\n" * 10)
    with pytest.raises(BadProfile, match=r"^more than 50 bytes as a pprof file, which is the limit$"):
        convert(Format.FOLDED, path, most=50)
    monkeypatch.setattr(stacks, "LIMIT", 20)
    assert refused(path, b"main 1\n" * 10) == "more than 20 bytes, which is the limit"


def test_a_text_that_is_not_there_is_said_without_its_path(path: Path) -> None:
    with pytest.raises(BadProfile, match=r"^cannot be read: No such file or directory$"):
        convert(Format.FOLDED, path)


def test_a_file_may_be_compressed_and_a_cut_stream_is_said(path: Path) -> None:
    whole = gzip.compress(b"main;leaf 3\n" * 1000)
    assert table(made(path, whole, None)) == {"leaf": (3000, 3000), "main": (0, 3000)}
    assert refused(path, whole[:-9]).startswith("not a sound gzip stream: ")
    assert refused(path, whole[:12] + b"\xff" * 30).startswith("not a sound gzip stream: ")

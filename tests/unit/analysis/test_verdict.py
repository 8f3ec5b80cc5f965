"""Is a file what it is meant to be? On made-up files; tests/integration/test_top_against_pprof.py has Go's own."""

from pathlib import Path

import pytest

from app.analysis.verdict import check
from app.model import Kind
from tests.unit.analysis.synthetic import Maker, contention, cpu, heap

PPROF = {
    Kind.CPU: cpu(),
    Kind.HEAP: heap(),
    Kind.ALLOCS: heap(),
    Kind.MUTEX: contention(),
    Kind.BLOCK: contention(),
    Kind.THREADCREATE: Maker(("threadcreate", "count")),
    Kind.GOROUTINE: Maker(("goroutine", "count")),
    Kind.GOROUTINELEAK: Maker(("goroutineleak", "count")),
}
ALIKE = {frozenset({Kind.MUTEX, Kind.BLOCK}), frozenset({Kind.HEAP, Kind.ALLOCS})}
TRACE = b"go 1.26 trace\0\0\0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def verdict(kind: Kind, path: Path, data: bytes) -> str | None:
    path.write_bytes(data)
    return check(kind, path)


@pytest.mark.parametrize("kind", PPROF)
def test_a_profile_of_its_kind_is_good_even_without_samples(kind: Kind, path: Path) -> None:
    assert verdict(kind, path, PPROF[kind].data()) is None


@pytest.mark.parametrize("kind", PPROF)
@pytest.mark.parametrize("other", PPROF)
def test_a_swapped_file_is_noticed(kind: Kind, other: Kind, path: Path) -> None:
    if kind is not other and frozenset({kind, other}) not in ALIKE:
        said = verdict(kind, path, PPROF[other].data())
        assert said is not None and said.startswith("a pprof profile, but one of the kind ")
        assert said.endswith(f"not {kind}")


@pytest.mark.parametrize("made", [Maker(("wall", "nanoseconds")), Maker(("contentions", "count")), Maker()])
def test_a_profile_of_no_known_kind_is_noticed(made: Maker, path: Path) -> None:
    said = verdict(Kind.MUTEX, path, made.data())
    assert said == "a pprof profile, but one of the kind other, not mutex"


@pytest.mark.parametrize("kind", Kind)
def test_an_empty_file_is_good_for_nothing(kind: Kind, path: Path) -> None:
    assert verdict(kind, path, b"") == "empty: 0 bytes"


@pytest.mark.parametrize("kind", PPROF)
def test_a_cut_profile_is_no_good(kind: Kind, path: Path) -> None:
    assert verdict(kind, path, PPROF[kind].data()[:-4]) == "ends in the middle of the gzip stream"


@pytest.mark.parametrize("header", [TRACE, b"go 1.11 trace\0\0\0", b"go 1.5 trace\0\0\0\0"])
def test_a_trace_has_its_header_and_something_behind_it(header: bytes, path: Path) -> None:
    assert verdict(Kind.TRACE, path, header + b"\x01") is None


def test_a_trace_of_nothing_but_its_header_is_no_good(path: Path) -> None:
    said = verdict(Kind.TRACE, path, TRACE)
    assert said == "an execution trace without events: nothing follows its header"


@pytest.mark.parametrize("data", [TRACE[:15], TRACE[:13] + b"\0\0\x01more", b"goroutine 1 [running]:\n", cpu().data()])
def test_what_does_not_begin_like_a_trace_is_none(data: bytes, path: Path) -> None:
    said = verdict(Kind.TRACE, path, data)
    assert said == "not an execution trace: it does not begin with `go 1.NN trace`"


@pytest.mark.parametrize(
    "data",
    [
        b"goroutine 1 [running]:\nmain.main()\n",
        b"goroutine 34 [chan receive, 12 minutes, locked to thread]:\n",
        b"goroutine 1 gp=0xc000002380 m=0 mp=0x61f7c0 [running]:\n",
        b"goroutine 7 [select] {request: 12}:\n",
        b"goroutine profile: total 3\n1 @ 0x43e9e1\n",
    ],
)
def test_a_goroutine_dump_is_good_in_all_its_forms(data: bytes, path: Path) -> None:
    assert verdict(Kind.GOROUTINE, path, data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"goroutine 18 [chan send (leaked)]:\nmain.leak()\n",
        b"goroutine 1 [running]:\nmain.main()\n",  # it lists all goroutines
        b"goroutineleak profile: total 1\n1 @ 0x43e9e1\n",
    ],
)
def test_a_dump_of_leaked_goroutines_is_good_in_all_its_forms(data: bytes, path: Path) -> None:
    assert verdict(Kind.GOROUTINELEAK, path, data) is None


def test_what_go_writes_of_leaked_goroutines_is_good() -> None:
    data = Path(__file__).parents[2] / "data"
    for name in ("go-1.27.goroutineleak", "go-1.27-debug1.goroutineleak"):
        assert check(Kind.GOROUTINELEAK, data / "profiles" / name) is None
    assert check(Kind.GOROUTINELEAK, data / "profilers" / "goroutineleak-debug2.txt") is None


@pytest.mark.parametrize(("kind", "named"), [("goroutine", "goroutineleak"), ("goroutineleak", "goroutine")])
def test_the_text_of_all_goroutines_is_not_that_of_the_leaked(kind: str, named: str, path: Path) -> None:
    assert verdict(Kind(kind), path, f"{named} profile: total 1\n1 @ 0x43e9e1\n".encode()) is not None


@pytest.mark.parametrize(
    "data", [b"goroutine ", b"goroutine x [running]:\n", b"goroutine 1 [running]", b"panic: no\n", TRACE]
)
def test_what_is_no_goroutine_dump_is_said_to_be_none(data: bytes, path: Path) -> None:
    said = verdict(Kind.GOROUTINE, path, data)
    assert said is not None and said.startswith("not a pprof profile: ")


def test_a_dump_is_good_for_no_other_kind(path: Path) -> None:
    assert verdict(Kind.CPU, path, b"goroutine 1 [running]:\n") is not None


@pytest.mark.parametrize("kind", [Kind.EVIDENCE, Kind.LOG, Kind.OTHER])
def test_a_kind_without_a_form_has_only_to_be_there(kind: Kind, path: Path) -> None:
    assert verdict(kind, path, b"x") is None


def test_a_file_that_is_not_there_is_said_without_its_path(path: Path) -> None:
    assert check(Kind.CPU, path) == "cannot be read: No such file or directory"

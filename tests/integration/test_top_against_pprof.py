"""Our table and our verdicts on profiles that Go has just written, beside what `go tool pprof` says of them."""

import gzip
import random
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.analysis.isolate import check_file, check_files, convert_file, top_of, tree_of
from app.analysis.peek import peek
from app.analysis.profile import BadProfile, read
from app.analysis.stacks import Options
from app.analysis.top import Top, top
from app.analysis.units import format_percent, format_value
from app.analysis.verdict import check
from app.model import Kind
from tests.lab import golang
from tests.unit.analysis.synthetic import Maker, Stack
from tests.unit.analysis.tables import table

SOURCE = Path(__file__).parents[1] / "targets" / "profiles"
OWN_UNIT = {"bytes": "B", "nanoseconds": "ns", "count": "count"}

CPU = [("cpu", None), ("cpu", "samples"), ("idle", None)]
HEAP = [(name, type) for name in ("heap", "allocs") for type in (None, "alloc_objects", "alloc_space", "inuse_objects")]
LOCKS = [(name, type) for name in ("mutex", "block") for type in (None, "contentions")]
ALL = [*CPU, *HEAP, *LOCKS, ("threadcreate", None), ("goroutine", None)]
KINDS = {
    "cpu.pprof": Kind.CPU,
    "idle.pprof": Kind.CPU,
    "heap.pprof": Kind.HEAP,
    "allocs.pprof": Kind.ALLOCS,
    "mutex.pprof": Kind.MUTEX,
    "block.pprof": Kind.BLOCK,
    "threadcreate.pprof": Kind.THREADCREATE,
    "goroutine.pprof": Kind.GOROUTINE,
    "goroutine-1.txt": Kind.GOROUTINE,
    "goroutine-2.txt": Kind.GOROUTINE,
    "trace.trace": Kind.TRACE,
}


class Pprof:
    """`go tool pprof`, called without `go`, which takes longer than the tool, and the directory of profiles."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._environment = {**golang.environment(), "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOENV": "off"}
        self._tool = self._run(golang.GO, "tool", "-n", "pprof", cwd=directory).strip()

    def make(self) -> None:
        binary = self.directory / "profiles"
        self._run(golang.GO, "build", "-o", binary, ".", cwd=SOURCE)
        self._run(binary, self.directory, cwd=self.directory)

    def lines(self, path: Path, sample_type: str | None, *options: str, report: str = "-top") -> list[str]:
        """Header and table, without the labels of inlined functions."""
        index = [f"-sample_index={sample_type}"] if sample_type else []
        said = self._run(self._tool, report, "-nodefraction=0", *index, *options, path, cwd=self.directory)
        return [re.sub(r" \((partial-)?inline\)$", "", line) for line in said.splitlines()]

    def _run(self, *command: str | Path, cwd: Path) -> str:
        ended = subprocess.run(command, cwd=cwd, env=self._environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def pprof(tmp_path_factory: pytest.TempPathFactory) -> Pprof:
    made = Pprof(tmp_path_factory.mktemp("profiles"))
    made.make()
    return made


def rows(lines: Sequence[str]) -> list[str]:
    return [line.rstrip() for line in lines[next(i for i, line in enumerate(lines) if "flat%" in line) + 1 :]]


def compare(pprof: Pprof, path: Path, sample_type: str | None, n: int) -> Top:
    """Asserts that the two tables are equal, as printed and as exact integers."""
    ours = top(read(path.read_bytes()), n, sample_type)
    count = f"-nodecount={n}"
    assert table(ours, ours.shown_in) == rows(pprof.lines(path, sample_type, count))
    exact = OWN_UNIT[ours.unit]
    assert table(ours, exact) == rows(pprof.lines(path, sample_type, count, f"-unit={exact}"))
    return ours


@pytest.mark.parametrize(("name", "sample_type"), ALL)
def test_the_table_is_that_of_pprof(pprof: Pprof, name: str, sample_type: str | None) -> None:
    path = pprof.directory / f"{name}.pprof"
    ours = compare(pprof, path, sample_type, 10_000)
    assert f"Type: {ours.sample_type}" in pprof.lines(path, sample_type)


@pytest.mark.parametrize("name", ["cpu", "heap"])
def test_the_first_rows_are_those_of_pprof(pprof: Pprof, name: str) -> None:
    assert len(compare(pprof, pprof.directory / f"{name}.pprof", None, 5).rows) == 5


def called(pprof: Pprof, path: Path, sample_type: str | None, unit: str) -> dict[str, tuple[list[str], list[str]]]:
    """By function, the lines of its callers and of its callees, as `-peek` prints them."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    before: list[str] = []
    at = before
    for line in pprof.lines(path, sample_type, f"-unit={OWN_UNIT[unit]}", "-edgefraction=0", report="-peek=."):
        costs, bar, name = line.partition(" | ")
        if line.startswith("---"):
            before = at = []
        elif bar and costs[:10].strip():
            found[name.strip()] = (before, at := [])
        elif bar:
            at.append(" ".join(line.split()))
    return found


def compare_calls(pprof: Pprof, path: Path, sample_type: str | None = None) -> int:
    """Asserts that callers and callees are those of pprof, as exact integers. Returns how many calls there are."""
    profile = read(path.read_bytes())
    theirs = called(pprof, path, sample_type, top(profile, 1, sample_type).unit)
    count = 0
    for name, calls in theirs.items():
        found = peek(profile, name, 10_000, sample_type)
        (one,) = found.functions
        ours = [
            [
                f"{format_value(c.value, found.unit, OWN_UNIT[found.unit])} {format_percent(c.percent)} | {c.function}"
                for c in side
            ]
            for side in (one.callers, one.callees)
        ]
        assert [sorted(side) for side in ours] == [sorted(side) for side in calls], (
            name
        )  # pprof's order of -1 and 1 varies
        count += len(calls[0]) + len(calls[1])
    return count


@pytest.mark.parametrize("name", ["cpu", "heap"])
def test_callers_and_callees_are_those_of_pprof(pprof: Pprof, name: str) -> None:
    assert compare_calls(pprof, pprof.directory / f"{name}.pprof") > 20


def test_the_total_and_the_duration_are_those_of_pprof(pprof: Pprof) -> None:
    path = pprof.directory / "cpu.pprof"
    ours = top_of(path, 10)
    assert ours.duration_seconds is not None
    total = format_value(ours.total, ours.unit, ours.shown_in)
    duration = format_value(round(ours.duration_seconds * 1e9), "nanoseconds")
    lines = pprof.lines(path, None, "-nodecount=10")
    assert any(line.startswith(f"Duration: {duration}, Total samples = {total} ") for line in lines)


def test_the_hot_function_is_named(pprof: Pprof) -> None:
    ours = top_of(pprof.directory / "cpu.pprof", 10_000)
    cum = {row.function: row.cum_percent for row in ours.rows}
    assert cum["main.hotLoop"] > 50
    assert cum["main.grow[go.shape.int]"] <= 100  # recursive, ten deep


def test_every_file_that_go_writes_is_good(pprof: Pprof) -> None:
    files = {pprof.directory / name: kind for name, kind in KINDS.items()}
    assert check_files((kind, path) for path, kind in files.items()) == dict.fromkeys(files)


def test_an_idle_process_is_good_and_its_total_is_nothing(pprof: Pprof) -> None:
    path = pprof.directory / "idle.pprof"
    assert check(Kind.CPU, path) is None
    assert top_of(path).total == 0


@pytest.mark.parametrize("name", ["cpu.pprof", "heap.pprof", "block.pprof", "threadcreate.pprof"])
def test_a_real_file_that_is_cut_anywhere_is_no_good(pprof: Pprof, tmp_path: Path, name: str) -> None:
    whole = (pprof.directory / name).read_bytes()
    cut = tmp_path / name
    for length in {0, 1, 9, 10, len(whole) // 2, len(whole) - 9, len(whole) - 8, len(whole) - 1}:
        cut.write_bytes(whole[:length])
        assert check(KINDS[name], cut) is not None


@pytest.mark.parametrize("name", ["cpu.pprof", "heap.pprof", "mutex.pprof"])
def test_a_real_profile_with_wrong_bytes_is_a_profile_or_a_bad_one(pprof: Pprof, name: str) -> None:
    whole = gzip.decompress((pprof.directory / name).read_bytes())
    dice, bad = random.Random(name), 0  # noqa: S311
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            top(read(bytes(data)), 10)
        except BadProfile:
            bad += 1
    assert bad


TEXTS = [("folded", "py-spy.folded"), ("perf-script", "perf-script.txt")]
RECORDED = Path(__file__).parents[1] / "data" / "profilers"


@pytest.mark.parametrize(("format", "name"), TEXTS)
@pytest.mark.parametrize("sample_type", [None, "samples"])
def test_what_other_tools_wrote_is_opened_by_pprof(
    pprof: Pprof, tmp_path: Path, format: str, name: str, sample_type: str | None
) -> None:
    path = tmp_path / "made.pprof"
    convert_file(format, RECORDED / name, path, Options(rate=100, seconds=3))
    assert check_file(Kind.CPU, path) is None
    ours = compare(pprof, path, sample_type, 10_000)
    assert len(ours.rows) > 5
    assert any(line.startswith("Duration: 3s, Total samples = ") for line in pprof.lines(path, sample_type))


@pytest.mark.parametrize("format", ["folded", "perf-script"])
def test_what_other_tools_wrote_of_an_idle_process_is_opened_by_pprof(
    pprof: Pprof, tmp_path: Path, format: str
) -> None:
    (tmp_path / "empty").touch()
    convert_file(format, tmp_path / "empty", tmp_path / "made.pprof", Options(rate=100))
    assert compare(pprof, tmp_path / "made.pprof", None, 10).total == 0


def test_any_name_and_a_sample_without_a_stack_are_opened_by_pprof(pprof: Pprof, tmp_path: Path) -> None:
    text = "a;std::map<int>::get(int);<module> (<x>.py:1);läuft\x01 5\na;main.(*T).m 2\n"
    (tmp_path / "text").write_text(text + ";".join(f"f{number}" for number in range(3000)) + " 1\n")
    convert_file("folded", tmp_path / "text", tmp_path / "made.pprof")
    assert "<module> (<x>.py:1)" in {row.function for row in compare(pprof, tmp_path / "made.pprof", None, 9999).rows}

    (tmp_path / "text").write_text("a 7 1.0: 5 cycles:\n\na 7 1.0: 5 cycles:\n\t7f m+0x1 (a)\n\n")
    convert_file("perf-script", tmp_path / "text", tmp_path / "made.pprof")
    assert compare(pprof, tmp_path / "made.pprof", "samples", 10).total == 2
    assert compare(pprof, tmp_path / "made.pprof", None, 10).total == 10


@pytest.mark.parametrize(("name", "sample_type"), ALL)
def test_the_tree_adds_up_to_the_table(pprof: Pprof, name: str, sample_type: str | None) -> None:
    path = pprof.directory / f"{name}.pprof"
    table, nodes = top_of(path, 10_000, sample_type), tree_of(path, sample_type).nodes
    flat: Counter[str] = Counter()
    for node in nodes[1:]:
        flat[node.name] += node.self
    assert +flat == Counter({row.function: row.flat for row in table.rows if row.flat})
    assert nodes[0].value == table.total


NAMES = [
    "main.main", "main.(*T).Run", "main.(*Box[...]).Get", "main.Map[...]", "main.Map[...].(*T).func1", "runtime.malloc",
    "runtime.mallocgc", "std::map<int, a>::get(int)", "libfoo(int)", "Zeta", "a", "b", "main.main.func1.2", "ünïcode.Ω",
    "_ZNK6orders6BasketIdE5totalEv", "_ZSt4swapIiENSt9enable_ifIXsrSt6__and_IJEE5valueEvE4typeERT_S5_", "_Zno", "_Z",
    "_ZN12_GLOBAL__N_18hot_loopEl", "_ZN4core3fmt9Formatter3pad17h9b2b3a0e5b4d1b31E", "_RNvC6_123foo3bar",
]  # fmt: skip


def stack(dice: random.Random) -> Stack:
    return [dice.sample(NAMES, dice.choice([1, 1, 1, 2, 3])) for _ in range(dice.randint(0, 7))]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "drop", ["", "runtime.*", r"(?U)\Qmain.(\E.*|lib[[:alpha:]]+|\pLe\pL+|.*[)Ω]|[^\x{0}]eta", "a(?=b)"]
)
def test_what_go_does_not_write_is_treated_alike(pprof: Pprof, tmp_path: Path, seed: int, drop: str) -> None:
    dice = random.Random(seed)  # noqa: S311
    made = Maker(("alloc_space", "bytes"), ("inuse_space", "bytes"))
    for _ in range(dice.randint(1, 60)):
        made.sample(stack(dice), dice.randint(-3, 10), dice.choice([0, 1, 700, 10**6, 10**10]))
    made.message.drop_frames = made.string(drop)
    made.message.keep_frames = made.string("runtime.malloc|.*Box.*" if seed % 2 else "")
    made.message.default_sample_type = made.string(dice.choice(["", "alloc_space", "wishful"]))
    path = tmp_path / "made.pprof"
    path.write_bytes(made.data() if seed % 3 else made.plain())
    compare(pprof, path, None, dice.choice([3, 10_000]))
    if not drop:
        compare_calls(pprof, path)

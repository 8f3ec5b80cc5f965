"""The recipes of docs/profilers.md on the newest profilers that registries have.

Python 3.15's own sampler, perf of Debian's backports, austin, memray and rbspy; see tests/lab/profilers.py.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.analysis.isolate import convert_file, top_of
from tests.integration import test_commands, test_recipes
from tests.integration.test_commands import Story, hottest, running
from tests.integration.test_recipes import block, rule
from tests.lab import golang, profilers
from tests.lab.golang import Unavailable

record = test_commands.record  # the fixtures
spin = test_recipes.spin

PYTHON = """
import threading, time
kept = []
def hot_loop():
    kept.append(bytearray(1 << 16))
    if len(kept) > 100: kept.clear()
    return sum(n * n for n in range(2000))
def idle():
    time.sleep(1000)
threading.Thread(target=idle, daemon=True, name="1;2").start()
print("ready", flush=True)
while True:
    hot_loop()
"""
GO = """package main

import "fmt"

type basket[T int | float64] struct{ goods []T }

//go:noinline
func (b *basket[T]) total() (sum T) {
	for _, each := range b.goods {
		sum += each
	}
	return
}

//go:noinline
func hotLoop(n int) (sum int) {
	for i := range n {
		sum += i*i ^ i>>3
	}
	return
}

func main() {
	fmt.Println("ready")
	for b := (&basket[float64]{make([]float64, 4000)}); ; {
		hotLoop(4000)
		b.total()
	}
}
"""
RUST = """
use std::hint::black_box;
mod orders {
    pub struct Basket<T>(pub Vec<T>);
    impl<T: Copy + Into<f64>> Basket<T> {
        #[inline(never)]
        pub fn total(&self) -> f64 { self.0.iter().fold(0.0, |sum, each| std::hint::black_box(sum + (*each).into())) }
    }
}
#[inline(never)]
fn hot_loop(n: u64) -> u64 { (0..n).fold(0, |a, b| black_box(a ^ b)) }
fn main() {
    println!("ready");
    let basket = orders::Basket(vec![1.5f32; 4000]);
    loop { black_box(hot_loop(4000)); black_box(basket.total()); }
}
"""
RUBY = """
def hot_loop = (1..2000).sum { |n| n * n }
puts "ready"
$stdout.flush
loop { hot_loop }
"""


def seconds(sample_type: str, made: Path) -> float:
    return top_of(made, sample_type=sample_type).total / 1e9


# ---------------------------------------------------------------------- Python


@pytest.fixture(scope="module")
def python() -> profilers.NewestPython:
    try:
        return profilers.python()
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("stop_after", [None, 8], ids=["whole", "stopped-early"])
def test_pythons_own_sampler_counts_the_time_of_every_thread(
    record: Callable[..., Story], python: profilers.NewestPython, tmp_path: Path, stop_after: float | None
) -> None:
    recipe = block("profiling.sampling").replace("python3.15 -m profiling.sampling", python.words("profiling.sampling"))
    with running(str(python.program), "-c", PYTHON, env=python.env) as pid:
        (file,) = record(rule(recipe).spec, pid, 600 if stop_after else 2, stop_after=stop_after).files
    assert (file.fault, file.suffix, file.threads) == ("", ".folded", 2)
    made = tmp_path / "made.pprof"
    convert_file(file.format, file.path, made, file.options)
    names = {row.function for row in top_of(made).rows}
    assert any("hot_loop" in name for name in names) and any("idle" in name for name in names)
    assert 0.5 < seconds("wall", made) / 2 < 30, "of each thread as long as the recording"


def test_memray_tells_who_allocated(
    record: Callable[..., Story], python: profilers.NewestPython, tmp_path: Path
) -> None:
    recipe = block("memray attach")
    for word in ("attach", "detach", "transform"):
        recipe = recipe.replace(f"memray {word}", f"{python.words('memray')} {word}")
    with running(str(python.program), "-c", PYTHON, env=python.env) as pid:
        (file,) = record(rule(recipe).spec, pid, 2).files
        assert Path(f"/proc/{pid}").exists()
    assert (file.fault, file.suffix) == ("", ".speedscope.json")
    made = tmp_path / "made.pprof"
    convert_file(file.format, file.path, made, file.options)
    table = top_of(made, sample_type="space")
    assert table.unit == "bytes"
    assert {row.function: row.cum for row in table.rows}["hot_loop"] >= 1 << 16


def test_austins_samples_are_times_of_every_thread(
    record: Callable[..., Story], python: profilers.NewestPython, tmp_path: Path
) -> None:
    recipe = block("mojo2austin").replace("; mojo2austin", f"; {python.runs('mojo2austin')}")
    recipe = recipe.replace("austin -i", f"{python.austin} -i")
    with running(sys.executable, "-c", PYTHON) as pid:  # austin 4.0 knows no Python 3.15
        (file,) = record(rule(recipe).spec, pid, 2).files
    assert (file.fault, file.suffix) == ("", ".folded")
    made = tmp_path / "made.pprof"
    convert_file(file.format, file.path, made, file.options)
    names = {row.function for row in top_of(made).rows}
    assert any("hot_loop" in name for name in names) and any("idle" in name for name in names)
    assert 0.5 < seconds("wall", made) / 2 < 30


# ---------------------------------------------------------------------- Go, C++ and Rust


@pytest.fixture(scope="module")
def perf() -> Path:
    try:
        return profilers.perf()
    except Unavailable as reason:
        pytest.skip(str(reason))


def compiled(language: str, folder: Path) -> Path:
    """A program in this language with two functions that are hot."""
    source, program = folder / f"hot.{language}", folder / f"hot-{language}"
    source.write_text({"go": GO, "rs": RUST}[language])
    if language == "go":
        words = [str(golang.GO), "build", "-o", str(program), str(source)]
    else:
        if not shutil.which("rustc"):
            pytest.skip("perf is NOT tested on Rust: there is no rustc here")
        words = ["rustc", "-O", "-o", str(program), str(source)]
    subprocess.run(words, check=True, timeout=100, env=golang.environment(), cwd=folder)
    return program


HOT = {
    "go": {"main.hotLoop", "main.(*basket[go.shape.float64]).total"},
    "cpp": {"(anonymous namespace)::hot_loop", "orders::Basket<double>::total"},
    "rs": {"hot::hot_loop", "hot::orders::Basket<T>::total"},
}


@pytest.fixture(params=HOT)
def hot(request: pytest.FixtureRequest, spin: Path, tmp_path: Path) -> tuple[Path, set[str]]:
    """A program in one of the languages, and the names of its hot functions."""
    return spin if request.param == "cpp" else compiled(request.param, tmp_path), HOT[request.param]


def test_functions_have_the_same_names_in_perf_as_installed_and_in_the_newest(
    record: Callable[..., Story], perf: Path, hot: tuple[Path, set[str]], tmp_path: Path
) -> None:
    program, names = hot
    with running(str(program)) as pid:
        for version in filter(None, (shutil.which("perf"), str(perf))):
            recipe = block("name: perf\n").replace("perf record", f"{version} record")
            recipe = recipe.replace("perf script", f"{version} script")
            (file,) = record(rule(recipe).spec, pid, 2).files
            assert (file.fault, file.suffix) == ("", ".perf.txt")
            assert names <= set(hottest(file, tmp_path)), version


# ---------------------------------------------------------------------- Ruby


def test_rbspy_tells_where_a_ruby_program_is_hot(record: Callable[..., Story], tmp_path: Path) -> None:
    if not shutil.which("ruby"):
        pytest.skip("rbspy is NOT tested: there is no Ruby here")
    try:
        program = profilers.rbspy()
    except Unavailable as reason:
        pytest.skip(str(reason))
    recipe = block("rbspy record").replace("rbspy record", f"{program} record")
    with running("ruby", "-e", RUBY) as pid:
        (file,) = record(rule(recipe).spec, pid, 2).files
    assert (file.fault, file.suffix) == ("", ".folded")
    made = tmp_path / "made.pprof"
    convert_file(file.format, file.path, made, file.options)
    assert any("hot_loop" in row.function for row in top_of(made, sample_type="wall").rows)

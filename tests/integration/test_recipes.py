"""The recipes of docs/profilers.md that other tests do not run, as they are written there, with what they are for.

Real are Node, async-profiler, gperftools, jemalloc and jcmd. sponge is a stand-in (tests/targets/sponge).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.analysis.isolate import check_file, convert_file, top_of
from app.analysis.profile import read_file
from app.captures.artifacts import prepared
from app.config.settings import parse
from app.errors import AlertprofError, Code
from app.intake.rules import Rule
from app.model import Kind
from app.profilers.command import Command
from app.profilers.signal import Signal
from tests.integration import test_commands
from tests.integration.test_commands import Story, hottest, running
from tests.lab import asprof, ports
from tests.lab.process import eventually
from tests.lab.target import Service

record = test_commands.record  # the fixture

PAGE = Path(__file__).parents[2] / "docs" / "profilers.md"
DEBUGGING = Path("/usr/lib/debug/.build-id")
WHERE = "/opt/async-profiler"  # where the page has it
NODE = """
class AlertedOrder { constructor(number) { this.number = number } }
const kept = []
for (let n = 0; n < 1000; n++) kept.push(new AlertedOrder(n))
setInterval(() => kept.length, 50)
console.log("ready")
"""


def block(words: str) -> str:
    """The one recipe of the page with these words in it."""
    (found,) = [each for each in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.M | re.S) if words in each]
    return str(found)


def rule(recipe: str) -> Rule:
    """What a configuration file with this recipe in a rule says."""
    (made,) = parse("rules:\n  - name: recipe\n" + textwrap.indent(recipe, "    "), PAGE).rules
    return made


# ---------------------------------------------------------------------- Node's heap snapshot


@pytest.fixture
def node() -> str:
    """The option that the page says node is started with."""
    if not shutil.which("node"):
        pytest.skip("Node's heap snapshot is NOT tested: there is no node here (Debian's nodejs)")
    (option,) = re.findall(r"--heapsnapshot-signal=\w+", block("heapsnapshot"))
    return str(option)


def test_node_writes_its_heap_snapshot_which_comes_home(
    record: Callable[..., Story], node: str, tmp_path: Path
) -> None:
    with running("node", node, "-e", NODE, cwd=tmp_path) as pid:
        story = record(rule(block("heapsnapshot")).spec, pid, 60)
        assert Path(f"/proc/{pid}").exists()
    (file,) = story.files
    assert (story.name, file.fault, file.kind, file.suffix) == ("signal-usr2", "", Kind.OTHER, ".heapsnapshot")
    assert "AlertedOrder" in json.loads(file.path.read_text())["strings"]
    assert list(tmp_path.glob("Heap.*")) == []


def test_a_node_that_was_started_without_the_option_is_left_alone(
    record: Callable[..., Story], node: str, tmp_path: Path
) -> None:
    with running("node", "-e", NODE, cwd=tmp_path) as pid:
        with pytest.raises(AlertprofError) as refused:
            record(rule(block("heapsnapshot")).spec, pid, 60)
        assert Path(f"/proc/{pid}").exists()
    assert refused.value.reason.code is Code.UNSAFE_SIGNAL


def test_node_writes_the_cpu_profile_of_the_time_between_two_signals(
    record: Callable[..., Story], node: str, tmp_path: Path
) -> None:
    del node  # it is here
    (handler,) = re.findall(r"^```js\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    hot = "function hotLoop() { let sum = 0; for (let n = 0; n < 2e6; n++) sum += Math.sqrt(n); return sum }\n"
    with running("node", "-e", f'{handler}{hot}setInterval(hotLoop, 20); console.log("ready")') as pid:
        story = record(rule(block("format: cpuprofile")).spec, pid, 2)
        assert Path(f"/proc/{pid}").exists()
    (file,) = story.files
    assert (story.name, file.fault, file.suffix) == ("signal-usr2", "", ".cpuprofile")
    assert hottest(file, tmp_path)[0] == "hotLoop"
    seconds = top_of(tmp_path / "made.pprof", sample_type="wall").total / 1e9
    assert 1.5 < seconds < 10, "of the recording, and not of the process's life"


# ---------------------------------------------------------------------- gperftools

SPIN = """
#include <algorithm>
#include <cstdio>
#include <vector>
namespace orders {
template <class T> struct Basket {
  std::vector<T> goods;
  __attribute__((noinline)) bool operator<(const Basket& other) const { return total() < other.total(); }
  __attribute__((noinline)) T total() const { volatile T sum = 0; for (T each : goods) sum = sum + each; return sum; }
};
}
namespace {
__attribute__((noinline)) long hot_loop(long times) {
  volatile long sum = 0;
  for (long n = 0; n < times; n++) sum = sum + n;
  return sum;
}
}
int main() {
  puts("ready"); fflush(stdout);
  std::vector<orders::Basket<double>> all(200);
  for (auto& each : all) each.goods.assign(100, all.size());
  for (;;) { hot_loop(300000); std::sort(all.begin(), all.end()); }
}
"""


@pytest.fixture(scope="module")
def spin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A C++ program, in which gperftools may be loaded."""
    if not shutil.which("g++"):
        pytest.skip("gperftools is NOT tested: there is no g++ here")
    folder = tmp_path_factory.mktemp("spin")
    (folder / "spin.cpp").write_text(SPIN)
    subprocess.run(
        ["g++", "-O1", "-g", "-Wl,--build-id", "-o", folder / "spin", folder / "spin.cpp"], check=True, timeout=100
    )
    return folder / "spin"


@contextmanager
def debugging_information_apart(spin: Path, folder: Path) -> Iterator[Path]:
    """The program without symbols; they are where Debian's packages put them. As it is where we may not write there."""
    stripped, own = folder / "bin" / "spin", folder / "spin.debug"
    stripped.parent.mkdir()
    read = subprocess.run(["readelf", "-n", spin], capture_output=True, text=True, check=True).stdout
    build = read.partition("Build ID: ")[2].split()[0]
    debug = DEBUGGING / build[:2] / f"{build[2:]}.debug"
    subprocess.run(["strip", "-o", stripped, spin], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", spin, own], check=True)
    try:
        debug.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(own, debug)
    except OSError:
        yield spin
        return
    try:
        yield stripped
    finally:
        debug.unlink()
        with suppress(OSError):  # others may have files there
            debug.parent.rmdir()


def gperftools(folder: Path) -> Signal:
    """The page's recipe for a program in this folder that writes there."""
    spec = rule(re.sub(r"/\w+/cpu\.prof", f"{folder}/cpu.prof", block('.prof.*"]')).replace("/srv/", "/spin$")).spec
    assert isinstance(spec, Signal)
    return spec


def test_gperftools_records_from_one_signal_to_the_next(
    record: Callable[..., Story], spin: Path, tmp_path: Path
) -> None:
    library = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    if "libprofiler.so.0" not in library:
        pytest.skip("gperftools is NOT tested: there is no libprofiler here (Debian's libgoogle-perftools4)")
    started = {"LD_PRELOAD": "libprofiler.so.0", "CPUPROFILE": f"{tmp_path}/cpu.prof", "CPUPROFILESIGNAL": "12"}
    with debugging_information_apart(spin, tmp_path) as program, running(str(program), env=started) as pid:
        for _ in range(2):
            story = record(gperftools(tmp_path), pid, 1)
            (file,) = story.files
            data = file.path.read_bytes()
            assert (file.fault, file.kind, file.suffix) == ("", Kind.CPU, ".pprof")
            assert data.startswith(b"\0" * 8 + b"\3" + b"\0" * 7), "gperftools' header"
            assert b"/spin\n" in data, "the file is whole: the mappings are its end"
        assert Path(f"/proc/{pid}").exists()
    assert list(tmp_path.glob("cpu.prof*")) == []
    assert "the names of" in story.said[-1]
    named, plain = prepared(story.capture, story.files)
    assert (named.kind, named.suffix, plain.kind, plain.suffix) == (Kind.CPU, ".pprof", Kind.OTHER, ".addresses.prof")
    assert plain.path.read_bytes() == data, "the file as gperftools wrote it is kept"
    ours = top_of(named.path, 10_000)
    names = {row.function for row in ours.rows}
    assert {"(anonymous namespace)::hot_loop", "orders::Basket::total", "main"} <= names
    assert "[spin]" not in names, "every place in the executable has a name"
    message = read_file(named.path).message
    files = {each.id: message.string_table[each.filename].decode() for each in message.function}
    lines = {
        line.line for place in message.location for line in place.line if files[line.function_id].endswith("/spin.cpp")
    }
    loop = next(at for at, line in enumerate(SPIN.splitlines(), 1) if "sum = sum + n" in line)
    assert loop in lines, "the lines of the loop are those of the source"
    assert ours.total == top_of(plain.path).total


def test_a_program_without_gperftools_is_left_alone(record: Callable[..., Story], spin: Path, tmp_path: Path) -> None:
    with running(str(spin)) as pid:
        with pytest.raises(AlertprofError) as refused:
            record(gperftools(tmp_path), pid, 1)
        assert Path(f"/proc/{pid}").exists()
    assert refused.value.reason.code is Code.UNSAFE_SIGNAL


# ---------------------------------------------------------------------- what is served over HTTP

SERVES = """
import http.server, sys
class Stacks(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/stacks.folded?seconds=2" else 404)
        self.end_headers()
        self.wfile.write(b"main;serve 150\\nmain;idle 50\\n")
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Stacks)
print("ready", flush=True)
server.serve_forever()
"""


def test_stacks_that_a_program_serves_are_fetched_by_a_command(record: Callable[..., Story], tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("stacks over HTTP are NOT tested: there is no curl here")
    port = ports.free()
    recipe = block("served-stacks").replace("8080", str(port)).replace("/srv/", "python")
    with running(sys.executable, "-c", SERVES, str(port)) as pid:
        (file,) = record(rule(recipe).spec, pid, 2).files
    assert (file.fault, file.suffix) == ("", ".folded")
    assert hottest(file, tmp_path) == ["serve", "idle", "main"]
    assert top_of(tmp_path / "made.pprof").total == 2 * 10**9


# ---------------------------------------------------------------------- perf


def test_perf_names_the_functions_of_a_cpp_program(record: Callable[..., Story], spin: Path, tmp_path: Path) -> None:
    if not shutil.which("perf"):
        pytest.skip("perf is NOT tested: it is not installed (Debian's linux-perf)")
    with running(str(spin)) as pid:
        (file,) = record(rule(block("name: perf\n")).spec, pid, 2).files
    assert (file.fault, file.suffix) == ("", ".perf.txt")
    assert {"orders::Basket<double>::total", "(anonymous namespace)::hot_loop"} <= set(hottest(file, tmp_path))


# ---------------------------------------------------------------------- jemalloc

GROW = """
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
int main() { puts("ready"); fflush(stdout); for (;;) { *(volatile char *)malloc(1 << 16) = 1; usleep(2000); } }
"""


def test_jemallocs_newest_dump_comes_home(record: Callable[..., Story], tmp_path: Path) -> None:
    library = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    if "libjemalloc.so.2" not in library or not shutil.which("g++"):
        pytest.skip("jemalloc is NOT tested: there is no libjemalloc or g++ here (Debian's libjemalloc2)")
    (tmp_path / "grow.cpp").write_text(GROW)
    subprocess.run(["g++", "-o", tmp_path / "grow", tmp_path / "grow.cpp"], check=True, timeout=100)
    recipe = block("jeprof").replace("/var/lib/orders", str(tmp_path)).replace("/srv/", "/grow$")
    conf = f"prof:true,prof_prefix:{tmp_path}/jeprof,lg_prof_interval:20"
    with running(str(tmp_path / "grow"), env={"LD_PRELOAD": "libjemalloc.so.2", "MALLOC_CONF": conf}) as pid:
        eventually(lambda: [*tmp_path.glob("jeprof.*.heap")], "it has written a dump")
        (tmp_path / f"jeprof.{pid}.9999.i9999.heap").write_bytes(b"heap_v2/524288\n")  # one that is being written
        story = record(rule(recipe).spec, pid, 1)
        assert Path(f"/proc/{pid}").exists()
    (file,) = story.files
    assert (file.fault, file.kind) == ("", Kind.HEAP)
    assert check_file(Kind.HEAP, file.path) is None
    assert top_of(file.path).total > 1 << 20
    named, plain = prepared(story.capture, story.files)
    assert (named.kind, plain.kind, plain.path) == (Kind.HEAP, Kind.OTHER, file.path)
    assert "main" in {row.function for row in top_of(named.path, 100).rows}


# ---------------------------------------------------------------------- sponge


@pytest.fixture
def sponge() -> Rule:
    return rule(block("SIGTRAP"))


def test_sponge_records_until_the_second_signal(
    record: Callable[..., Story], run_target: Callable[..., Service], sponge: Rule
) -> None:
    service = run_target("sponge")
    story = record(sponge.spec, service.pid, 2)
    (file,) = story.files
    assert (story.name, file.fault, file.kind) == ("signal-trap", "", Kind.CPU)
    assert check_file(Kind.CPU, file.path) is None
    assert "main.hotLoop" in [row.function for row in top_of(file.path).rows]
    assert [event.what for event in service.events()] == ["start", "stop"]
    left = {path.stem.rpartition("_")[2] for path in service.tmp.glob("orders_profile/*.out")}
    assert left == {"mem", "goroutine", "block", "mutex", "threadcreate"}, "as the page says"
    assert service.alive


def test_sponge_that_has_ended_by_itself_gets_no_second_signal(
    record: Callable[..., Story], run_target: Callable[..., Service], sponge: Rule
) -> None:
    service = run_target("sponge", STANDIN_PROFILE_SECONDS="0.5")
    story = record(sponge.spec, service.pid, 4)
    assert [file.fault for file in story.files] == [""]
    assert not any("SIGTRAP sent" in said for said in story.said[1:])
    assert [event.what for event in service.events()] == ["start", "stop"]
    assert sponge.duration < timedelta(minutes=1)


def test_a_sponge_that_records_already_is_left_alone(
    record: Callable[..., Story], run_target: Callable[..., Service], sponge: Rule
) -> None:
    service = run_target("sponge")
    service.signal(signal.SIGTRAP)
    service.wait_event("start")
    with pytest.raises(AlertprofError) as refused:
        record(sponge.spec, service.pid, 2)
    assert refused.value.reason.code is Code.ALREADY_PROFILING
    assert [event.what for event in service.events()] == ["start"]


def test_a_go_program_without_sponge_is_not_sent_what_would_kill_it(
    record: Callable[..., Story], run_target: Callable[..., Service], sponge: Rule
) -> None:
    service = run_target("plain-usr2")
    with pytest.raises(AlertprofError) as refused:
        record(sponge.spec, service.pid, 2)
    assert refused.value.reason.code is Code.UNSAFE_SIGNAL
    assert service.alive
    service.signal(signal.SIGTRAP)
    eventually(lambda: not service.alive, "it dies of the signal")


# ---------------------------------------------------------------------- async-profiler


@pytest.fixture(scope="module")
def async_profiler() -> Path:
    if not shutil.which("java"):
        pytest.skip("async-profiler is NOT tested: there is no JDK here")
    try:
        return asprof.home()
    except asprof.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def jvm(async_profiler: Path, tmp_path: Path) -> Iterator[int]:
    (tmp_path / "Hot.java").write_text(test_commands.JAVA)
    with running("java", "-XX:TieredStopAtLevel=1", "Hot.java", cwd=tmp_path) as pid:
        yield pid


def spent(pid: int) -> float:
    """Seconds of a processor that it has had."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("stop_after", [None, 8], ids=["whole", "stopped-early"])
def test_async_profiler_tells_where_a_jvm_is_hot(
    record: Callable[..., Story], async_profiler: Path, jvm: int, tmp_path: Path, stop_after: float | None
) -> None:
    recipe = block(WHERE)
    way = rule(recipe.replace(WHERE, str(async_profiler))).spec
    story = record(way, jvm, 600 if stop_after else 2, stop_after=stop_after)
    (file,) = story.files
    assert (story.name, file.fault, file.suffix) == ("command-async-profiler", "", ".folded")
    assert any("hotLoop" in name for name in hottest(file, tmp_path))
    status = subprocess.run(
        [async_profiler / "bin" / "asprof", "status", str(jvm)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "not active" in status.stdout + status.stderr


def test_async_profilers_flight_recording_has_time_allocations_and_locks_in_their_units(
    record: Callable[..., Story], async_profiler: Path, jvm: int, tmp_path: Path
) -> None:
    recipe = block(WHERE).replace(WHERE, str(async_profiler)).replace("  rate: 100\n", "")
    recipe = recipe.replace("format: folded", "format: jfr")
    recipe = recipe.replace("-o collapsed", "-o jfr -e cpu --alloc 500k --lock 10ms")
    before = spent(jvm)
    (file,) = record(rule(recipe).spec, jvm, 2).files
    assert (file.fault, file.suffix) == ("", ".jfr")
    assert any("hotLoop" in name for name in hottest(file, tmp_path))
    table = top_of(tmp_path / "made.pprof")
    assert {"samples", "cpu"} <= set(table.sample_types)
    assert (table.sample_type, table.unit) == ("cpu", "nanoseconds")
    assert min(0.2, (spent(jvm) - before) / 10) < table.total / 1e9 < 10


def test_the_jdks_flight_recording_becomes_a_profile(record: Callable[..., Story], jvm: int, tmp_path: Path) -> None:
    (file,) = record(rule(block("JFR.start")).spec, jvm, 3).files
    assert (file.fault, file.suffix, file.format) == ("", ".jfr", "jfr")
    assert any("hotLoop" in name for name in hottest(file, tmp_path))


OPTIONS: dict[str, dict[str, Any]] = {
    "": {"rate": 100},
    "-i 1ms": {"rate": 1000},
    "--total": {"unit": "nanoseconds"},
    "-e wall": {"rate": 20, "sample": "wall"},
}


@pytest.mark.parametrize("words", OPTIONS, ids=lambda words: words or "default")
def test_async_profilers_counts_are_what_the_page_says(
    record: Callable[..., Story], async_profiler: Path, jvm: int, tmp_path: Path, words: str
) -> None:
    spec = rule(block(WHERE).replace(WHERE, str(async_profiler))).spec
    assert isinstance(spec, Command) and isinstance(spec.command, str)
    command = spec.command.replace(" -d ", f" {words} -d ")
    before = spent(jvm)
    (file,) = record(replace(spec, **{"command": command, "rate": None, **OPTIONS[words]}), jvm, 2).files
    out = tmp_path / "made.pprof"
    kind, nanoseconds, _ = convert_file(file.format, file.path, out, file.options)
    assert file.threads is not None
    if words == "-e wall":
        assert (kind, top_of(out, 1).sample_type) == (Kind.OTHER, "wall")
        assert nanoseconds <= 2.5e9 * file.threads
    else:
        assert kind is Kind.CPU
        least = min(0.2, (spent(jvm) - before) / 10)  # on a busy machine a hot thread has little of the two seconds
        assert least < nanoseconds / 1e9 < 2.5 * 2, "one thread is hot, and the compiler beside it"


# ---------------------------------------------------------------------- jcmd


def test_a_dump_of_virtual_threads_is_asked_of_the_jvm(record: Callable[..., Story], tmp_path: Path) -> None:
    if not shutil.which("java") or not shutil.which("jcmd"):
        pytest.skip("Thread.dump_to_file is NOT tested: there is no JDK here")
    (tmp_path / "Hot.java").write_text(test_commands.JAVA)
    with running("java", "-XX:TieredStopAtLevel=1", "Hot.java", cwd=tmp_path) as pid:
        (file,) = record(rule(block("dump_to_file")).spec, pid, 0).files
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True, timeout=60).stderr
    if int(re.findall(r'version "(\d+)', version)[0]) < 21:
        assert "Unknown diagnostic command" in file.fault or "failed with status" in file.fault
        pytest.skip(f"Thread.dump_to_file is NOT tested further: {version.splitlines()[0]} is older than 21")
    assert (file.fault, file.kind) == ("", Kind.LOG)
    assert json.loads(file.path.read_text())["threadDump"]["threadContainers"]

"""The recipes of docs/profilers.md that other tests do not run, as they are written there, with what they are for.

Real are Node and async-profiler. sponge is a stand-in (tests/targets/sponge).
"""

import json
import re
import shutil
import signal
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.analysis.isolate import check_file, top_of
from app.config.settings import parse
from app.errors import AlertprofError, Code
from app.intake.rules import Rule
from app.model import Kind
from tests.integration import test_commands
from tests.integration.test_commands import Story, hottest, running
from tests.lab import asprof
from tests.lab.process import eventually
from tests.lab.target import Service

record = test_commands.record  # the fixture

PAGE = Path(__file__).parents[2] / "docs" / "profilers.md"
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
    eventually(lambda: not service.alive, "it dies of the signal", within=60)


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


@pytest.mark.parametrize("stop_after", [None, 2], ids=["whole", "stopped-early"])
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
    (file,) = record(rule(recipe).spec, jvm, 2).files
    assert (file.fault, file.suffix) == ("", ".jfr")
    assert any("hotLoop" in name for name in hottest(file, tmp_path))
    table = top_of(tmp_path / "made.pprof")
    assert {"samples", "cpu"} <= set(table.sample_types)
    assert (table.sample_type, table.unit) == ("cpu", "nanoseconds")
    assert 0.2 < table.total / 1e9 < 10


def test_the_jdks_flight_recording_becomes_a_profile(record: Callable[..., Story], jvm: int, tmp_path: Path) -> None:
    (file,) = record(rule(block("JFR.start")).spec, jvm, 3).files
    assert (file.fault, file.suffix, file.format) == ("", ".jfr", "jfr")
    assert any("hotLoop" in name for name in hottest(file, tmp_path))

"""The profilers `command` and `signal` from the first look to the last file, with the tools that they are made for."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from app.analysis.isolate import check_file, convert_file, top_of
from app.errors import AlertprofError, Code, Refused
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.model import Capture, Kind, Target, Trigger
from app.plugins import from_plain, to_plain
from app.profilers.base import Fetched, Incoming, Profiler, Recording, StepResult
from app.profilers.command import Command
from app.profilers.signal import Signal
from tests.integration.scene import Scene, alert, kinds
from tests.lab.process import eventually
from tests.lab.shell import ShellPipe

PY_SPY = Path(sys.prefix) / "bin" / "py-spy"
PYTHON = """
def hot_loop():
    return sum(n * n for n in range(2000))
print("ready", flush=True)
while True:
    hot_loop()
"""
JAVA = """
public class Hot {
    static long hotLoop() { long sum = 0; for (int n = 0; n < 100000; n++) sum += n * n; return sum; }
    public static void main(String[] args) { System.out.println("ready"); while (true) hotLoop(); }
}
"""
# On machines without hardware counters, as most virtual ones, perf has the clock alone.
PERF = (
    'perf record -q -F 99 -g -e cpu-clock -p "$1" -o "$3.data" -- sleep "$2"; perf script -i "$3.data" >"$3"',
    "sh", "{pid}", "{duration}", "{output}",
)  # fmt: skip
JFR = (
    'jcmd "$1" JFR.start name=alertprof settings=profile "duration=$2s" "filename=$3" || exit; '
    'while jcmd "$1" JFR.check | grep -q alertprof; do sleep 1; done',
    "sh", "{pid}", "{duration}", "{output}",
)  # fmt: skip

py_spy = Command(
    f"{PY_SPY} record --format raw --nonblocking --pid {{pid}} --duration {{duration}} --output {{output}}",
    name="py-spy",
    exe="python",
    format="folded",
    rate=100,
)


class Here:
    """A pool with this machine as its host, without SSH between."""

    def __init__(self, *recipes: Recipe) -> None:
        self.recipes, self._gate = recipes, self._opened(recipes)

    def _opened(self, recipes: tuple[Recipe, ...]) -> Gate:
        return Gate(ShellPipe(["dash", "-s"]), "here", send_script=True, recipes=recipes)

    def gate(self, host: str, pid: int = 0) -> Gate:
        return self._gate

    @contextmanager
    def files(self, host: str) -> Iterator[Gate]:
        gate = self._opened(self.recipes)
        yield gate
        gate.close()

    def close(self) -> None:
        self._gate.close()


@dataclass
class Story:
    """What became of one capture: its name, the last messages, and the files, on our disk."""

    name: str
    capture: Capture
    files: list[Fetched]
    said: list[str]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Callable[..., Story]]:
    doors: list[Here] = []

    def recorded(profiler: Profiler, pid: int, seconds: float = 2, *, stop_after: float | None = None) -> Story:
        """The whole of a capture, as pipeline.py goes through it. stop_after: somebody asks for an early end."""
        doors.append(Here(*profiler.recipes()))
        pool, folder = cast(HostPool, doors[-1]), tmp_path / f"home-{len(doors)}"
        folder.mkdir()
        process = pool.gate("here").look(pid)
        assert process is not None
        name = profiler.choose(process, "here", pool).name
        profiler = from_plain("app.profilers", Profiler, to_plain(profiler))
        capture = Capture(
            str(uuid4()), now(), Trigger("manual"), duration=timedelta(seconds=seconds), process=process.id,
            target=Target("here", pid), profiler=name, started_at=now(),
        )  # fmt: skip
        said = [profiler.start(Recording(capture, pool, now())).message]
        until = time.monotonic() + (stop_after if stop_after is not None else 600)
        said.append(finished(lambda: profiler.watch(Recording(capture, pool, now())), until).message)
        ended = finished(lambda: profiler.stop(Recording(capture, pool, now())), time.monotonic() + 120)
        said.append(ended.message)
        files: list[Fetched] = []
        said.append(profiler.collect(Recording(capture, pool, now()), Incoming(folder, files.append)).message)
        profiler.clean(Recording(capture, pool, now()))
        assert pool.gate("here").status(capture.token).code == "finished"
        assert profiler.plan(process, capture)
        return Story(name, replace(capture, notes=dict(ended.notes)), files, said)

    yield recorded
    for pool in doors:
        pool.close()


def now() -> datetime:
    return datetime.now(UTC)


def finished(step: Callable[[], StepResult], until: float) -> StepResult:
    """The result of a step that is repeated until it is finished, or until then."""
    result = step()
    while result.again is not None and time.monotonic() < until:
        time.sleep(min(result.again.total_seconds(), 0.5))
        result = step()
    return result


@contextmanager
def running(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> Iterator[int]:
    """The pid of a process that has said that it is ready."""
    options = {"cwd": cwd, "env": {**os.environ, **(env or {})}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, **options) as process:  # type: ignore[call-overload]
        assert process.stdout.readline().strip() == b"ready"
        yield process.pid
        process.kill()
        process.stdout.close()


def hottest(file: Fetched, folder: Path) -> list[str]:
    """The functions of a text of another profiler's, once it is in pprof's form."""
    out = folder / "made.pprof"
    convert_file(file.format, file.path, out, file.options)
    assert check_file(Kind.CPU, out) is None
    return [row.function for row in top_of(out).rows]


# ---------------------------------------------------------------------- py-spy


def test_py_spy_tells_where_a_python_process_is_hot(record: Callable[..., Story], tmp_path: Path) -> None:
    with running(sys.executable, "-c", PYTHON) as pid:
        story = record(py_spy, pid)
    (file,) = story.files
    assert (story.name, file.fault, file.kind, file.suffix) == ("command-py-spy", "", Kind.OTHER, ".folded")
    assert any("hot_loop" in name for name in hottest(file, tmp_path))
    assert file.threads == 1
    assert py_spy.missing(frozenset({Kind.OTHER})) == (Kind.CPU,)


def test_py_spy_that_is_stopped_early_writes_what_it_has(record: Callable[..., Story], tmp_path: Path) -> None:
    with running(sys.executable, "-c", PYTHON) as pid:
        begun = time.monotonic()
        story = record(py_spy, pid, 600, stop_after=8)
        assert time.monotonic() - begun < 300
    (file,) = story.files
    assert file.fault == ""
    assert any("hot_loop" in name for name in hottest(file, tmp_path))


def test_py_spys_own_words_are_told_when_it_fails(record: Callable[..., Story]) -> None:
    with running("/bin/sh", "-c", "echo ready; exec sleep 600") as pid:
        story = record(replace(py_spy, exe=""), pid)
    (file,) = story.files
    assert file.fault.startswith("failed with status 1: ")
    assert "python" in file.fault.lower()
    assert file.format == "", "nothing is made of it"


def test_a_process_that_the_command_is_not_for_is_refused(record: Callable[..., Story]) -> None:
    with running("/bin/sh", "-c", "echo ready; exec sleep 600") as pid, pytest.raises(Refused) as refused:
        record(py_spy, pid)
    assert refused.value.reason.code is Code.NO_PROFILER
    assert "exe: python" in refused.value.reason.message


def test_the_shell_around_a_service_is_refused(record: Callable[..., Story]) -> None:
    with running("/bin/sh", "-c", "echo ready; sleep 600; true") as pid, pytest.raises(Refused) as refused:
        record(replace(py_spy, exe=""), pid)
    assert refused.value.reason.code is Code.PROCESS_IS_WRAPPER


def test_a_process_that_ends_while_it_is_recorded_is_told_as_lost(record: Callable[..., Story], tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    script = f': >{begun}; while [ -e "/proc/$1/exe" ]; do sleep 0.1; done; exit 4'
    wait = Command(("/bin/sh", "-c", script, "sh", "{pid}", "{output}"))
    mortal = f"import os, time\nprint('ready', flush=True)\nwhile not os.path.exists({str(begun)!r}): time.sleep(0.05)"
    with running(sys.executable, "-c", mortal) as pid:
        story = record(wait, pid, 20)
    assert story.capture.notes == {"lost": True}


# ---------------------------------------------------------------------- perf


def test_perf_tells_where_a_process_is_hot(record: Callable[..., Story], tmp_path: Path) -> None:
    if not shutil.which("perf"):
        pytest.skip("perf is NOT tested: it is not installed (Debian's linux-perf)")
    perf = Command(("/bin/sh", "-c", *PERF), name="perf", format="perf-script")
    with running(sys.executable, "-c", PYTHON) as pid:
        story = record(perf, pid)
    (file,) = story.files
    assert (file.fault, file.suffix) == ("", ".perf.txt")
    assert any("PyEval" in name or "python" in name.lower() for name in hottest(file, tmp_path))


def test_perf_that_is_stopped_early_writes_what_it_has(record: Callable[..., Story], tmp_path: Path) -> None:
    if not shutil.which("perf"):
        pytest.skip("perf is NOT tested: it is not installed (Debian's linux-perf)")
    perf = Command(("/bin/sh", "-c", *PERF), name="perf", format="perf-script")
    with running(sys.executable, "-c", PYTHON) as pid:
        story = record(perf, pid, 600, stop_after=5)
    (file,) = story.files
    assert file.fault == ""
    assert hottest(file, tmp_path)


# ---------------------------------------------------------------------- the JVM's own tools


@pytest.fixture
def jvm(tmp_path: Path) -> Iterator[int]:
    if not shutil.which("java") or not shutil.which("jcmd"):
        pytest.skip("jcmd is NOT tested: there is no JDK here")
    (tmp_path / "Hot.java").write_text(JAVA)
    with running("java", "-XX:TieredStopAtLevel=1", "Hot.java", cwd=tmp_path) as pid:
        yield pid


def test_jcmd_tells_what_the_threads_do(record: Callable[..., Story], jvm: int) -> None:
    dump = Command(
        ("/bin/sh", "-c", 'jcmd "$1" Thread.print >"$2"', "sh", "{pid}", "{output}"), name="threads", artifact="log"
    )
    (file,) = record(dump, jvm, 0).files
    assert (file.fault, file.kind, file.suffix) == ("", Kind.LOG, ".txt")
    assert "Full thread dump" in file.path.read_text()


def test_a_flight_recording_is_written_by_the_jvm_itself(record: Callable[..., Story], jvm: int) -> None:
    jfr = Command(("/bin/sh", "-c", *JFR), name="jfr", output="target")
    (file,) = record(jfr, jvm, 2).files
    assert (file.fault, file.suffix) == ("", ".jfr")
    assert file.path.read_bytes().startswith(b"FLR\0")


# ---------------------------------------------------------------------- a signal


def test_a_process_that_writes_at_a_signal_is_profiled_and_its_file_removed(
    record: Callable[..., Story], tmp_path: Path
) -> None:
    code = (
        "import os, signal, time\n"
        "def dump(*_):\n"
        "    open(f'heap.{os.getpid()}.snapshot', 'w').write('all of it')\n"
        "signal.signal(signal.SIGUSR2, dump)\n"
        "print('ready', flush=True)\n"
        "while True:\n    time.sleep(0.1)\n"
    )
    heap = Signal("SIGUSR2", ("heap.{pid}*.snapshot",), artifact="heap", exe="python")
    with running(sys.executable, "-c", code, cwd=tmp_path) as pid:
        story = record(heap, pid, 20)
    (file,) = story.files
    assert (story.name, file.fault, file.kind, file.suffix) == ("signal-usr2", "", Kind.HEAP, ".snapshot")
    assert file.path.read_text() == "all of it"
    assert list(tmp_path.glob("heap.*")) == []


def test_hotspots_thread_dump_is_what_it_prints_at_sigquit(record: Callable[..., Story], tmp_path: Path) -> None:
    if not shutil.which("java"):
        pytest.skip("HotSpot's SIGQUIT is NOT tested: there is no Java here")
    (tmp_path / "Hot.java").write_text(JAVA)
    log = tmp_path / "service.log"
    with log.open("w") as out:
        process = subprocess.Popen(["java", "-XX:TieredStopAtLevel=1", "Hot.java"], cwd=tmp_path, stdout=out)
    try:
        eventually(lambda: "ready" in log.read_text(), "it runs")
        dump = Signal("SIGQUIT", ("{stdout}",), exe="java", artifact="log")
        (file,) = record(dump, process.pid, 30).files
        assert (file.fault, file.kind, file.suffix) == ("", Kind.LOG, ".txt")
        assert "Full thread dump" in file.path.read_text() and "Hot.hotLoop" in file.path.read_text()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_signal_that_would_kill_is_refused_with_the_reason(record: Callable[..., Story]) -> None:
    with running(sys.executable, "-c", PYTHON) as pid, pytest.raises(AlertprofError) as refused:
        record(Signal("SIGUSR2", ("heap*",)), pid)
    assert refused.value.reason.code is Code.UNSAFE_SIGNAL
    assert "kill" in refused.value.reason.message


# ---------------------------------------------------------------------- the whole line


def test_an_alert_about_a_python_process_becomes_the_folded_stacks_and_a_profile(tmp_path: Path) -> None:
    words = [str(PY_SPY), *py_spy.words[1:]]
    profiler = {"kind": "command", "name": "py-spy", "exe": "python", "command": words, "format": "folded", "rate": 100}
    allow = {"kind": "auto", "allow": [profiler]}
    rules = [{"name": "python", "duration": "2s", "profiler": allow}]
    with (
        Scene(tmp_path / "scene", config={"rules": rules}) as scene,
        running(sys.executable, "-c", PYTHON) as pid,
    ):
        (capture,) = scene.captured(alert(host="127.0.0.1", pid=pid))
    assert capture["state"] == "completed", capture["reason"]
    assert capture["profiler"] == "command-py-spy"
    assert kinds(capture) == {"cpu", "other"}
    recorded = [artifact for artifact in capture["artifacts"] if artifact["kind"] != "evidence"]
    assert {Path(artifact["name"]).suffix for artifact in recorded} == {".pprof", ".folded"}


def test_what_is_no_cpu_time_is_shown_as_what_it_is_and_too_much_time_is_told(tmp_path: Path) -> None:
    words = [str(PY_SPY), *py_spy.words[1:], "--idle"]
    waiting = {"kind": "command", "name": "py-spy", "command": words, "format": "folded", "sample": "wall"}
    rules = [
        {"name": "right", "matchers": ["service=right"], "duration": "2s", "profiler": {**waiting, "rate": 100}},
        {"name": "wrong", "matchers": ["service=wrong"], "duration": "2s", "profiler": {**waiting, "rate": 1}},
    ]
    asleep = "import time\nprint('ready', flush=True)\ntime.sleep(600)"
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        told = {}
        for name in ("right", "wrong"):
            with running(sys.executable, "-c", asleep) as pid:
                (capture,) = scene.captured(alert(f"{pid:016x}", host="127.0.0.1", pid=pid, service=name))
            assert (capture["state"], kinds(capture)) == ("completed", {"other"}), capture["reason"]
            top = scene.ask("GET", f"/captures/{capture['id']}/top?kind=other").json()
            assert (top["sample_type"], top["unit"]) == ("wall", "nanoseconds")
            of_files = (found for found in capture["findings"] if found["kind"] != "evidence")
            told[name] = [(found["code"], found["kind"]) for found in of_files]
    assert told == {"right": [], "wrong": [("more_time_than_there_was", "other")]}

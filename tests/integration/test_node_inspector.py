"""Node's CPU profile through its inspector: real Node, real sshd."""

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from app.errors import AlertprofError, Code, Retryable
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.hosts.websocket import send_and_close
from app.model import Capture, Target
from app.profilers import inspector, node_inspector
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.profilers.node_inspector import NodeInspector
from tests.integration.scene import Scene, alert
from tests.lab import node
from tests.lab.golang import CACHE
from tests.lab.process import Process, eventually
from tests.lab.proxy import Cut, Line
from tests.lab.sshd import Sshd
from tests.unit.ledger.builders import manual

HOST = "127.0.0.1"
HOT = """
const http = require('http'), fs = require('fs')
process.on('uncaughtException', error => fs.writeFileSync('thrown', String(error)))
process.on('warning', warning => fs.writeFileSync('warned', String(warning)))
// Recursive, as V8 counts what it has inlined before the profiler began to the caller.
function hotLoop(depth) {
  let x = depth
  for (let i = 0; i < 3e5; i++) x = (x * 31 + i) % 1000003
  return depth ? hotLoop(depth - 1) : x
}
setInterval(hotLoop, 20, 10)
const server = http.createServer((request, answer) => answer.end('ok'))
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)))
"""
PROFILER = NodeInspector("node$")


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """The inspector's port is one for the whole machine, and so for tests that run beside each other."""
    with (CACHE / "inspector.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Node of these tests listens before it is asked."""
    monkeypatch.setattr(node_inspector, "STARTED_UP", 0.0)


class Node(Process):
    """A Node in a folder of its own, which serves HTTP and is hot."""

    def __init__(self, folder: Path, version: str = "", *, options: tuple[str, ...] = (), **env: str) -> None:
        try:
            program = node.node(version)
        except node.Unavailable as reason:
            pytest.skip(str(reason))
        folder.mkdir()
        self.folder = folder
        (folder / "service.js").write_text(HOT)
        super().__init__(
            ["sh", "-c", 'cd "$0" && exec "$@"', folder, program, *options, "service.js"],
            folder / "log", env={"TMPDIR": str(folder), **env}, name="node",
        )  # fmt: skip
        self.until((folder / "port").exists, "it listens")

    def answers(self) -> bool:
        return httpx2.get(f"http://127.0.0.1:{(self.folder / 'port').read_text()}/", timeout=60).text == "ok"

    @property
    def unharmed(self) -> bool:
        """It lives, answers, has thrown nothing and left nothing, and its inspector is closed."""
        there = {path.name for path in self.folder.iterdir()}
        return self.alive and self.answers() and there == {"service.js", "port", "log"} and not inspected()


def inspected() -> bool:
    """Does anybody listen at the inspector's port?"""
    with socket.socket() as one:
        return one.connect_ex((inspector.ADDRESS, inspector.PORT)) == 0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "node") as made:
        yield made


@contextmanager
def pool_to(sshd: Sshd, port: int = 0, **settings: float) -> Iterator[HostPool]:
    """port: another one that leads to it; settings: as of Sshd.settings."""
    reached = sshd.settings(port=port or sshd.port, **settings)
    made = HostPool(Connector(reached), recipes=PROFILER.recipes())
    yield made
    made.close()


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[HostPool]:
    with Sshd(tmp_path / "sshd") as sshd, pool_to(sshd) as made:
        yield made


def now() -> datetime:
    return datetime.now(UTC)


def begun(pool: HostPool, pid: int, seconds: float = 1) -> Capture:
    process = pool.gate(HOST).look(pid)
    assert process
    return manual(
        1,
        id=str(uuid4()),
        process=process.id,
        target=Target(HOST, pid),
        duration=timedelta(seconds=seconds),
        started_at=now(),
    )


def judged(pool: HostPool, pid: int) -> str:
    process = pool.gate(HOST).look(pid)
    assert process
    return PROFILER.judge(process, HOST, pool)


def until_finished(step: Callable[[Recording], StepResult], one: Capture, pool: HostPool) -> StepResult:
    results: list[StepResult] = []

    def finished() -> bool:
        results.append(step(Recording(one, pool, now())))
        return results[-1].again is None

    eventually(finished, "the step is finished", 90)
    return results[-1]


def rest(one: Capture, pool: HostPool, folder: Path) -> list[Fetched]:
    """The steps after the start."""
    until_finished(PROFILER.watch, one, pool)
    until_finished(PROFILER.stop, one, pool)
    folder.mkdir()
    files: list[Fetched] = []
    PROFILER.collect(Recording(one, pool, now()), Incoming(folder, files.append))
    PROFILER.clean(Recording(one, pool, now()))
    return files


def functions(profile: Mapping[str, Any]) -> set[str]:
    return {place["callFrame"]["functionName"] for place in profile["nodes"]}


def recorded(pool: HostPool, pid: int, folder: Path) -> set[str]:
    """The functions of a whole recording."""
    one = begun(pool, pid)
    PROFILER.start(Recording(one, pool, now()))
    (file,) = rest(one, pool, folder)
    return functions(json.loads(file.path.read_text()))


@pytest.mark.parametrize("version", ["", node.OLDEST, node.NEWEST])
def test_a_hot_node_is_profiled_and_left_as_it_was(pool: HostPool, tmp_path: Path, version: str) -> None:
    with Node(tmp_path / "node", version) as service:
        assert judged(pool, service.pid) == "node-inspector"
        one = begun(pool, service.pid)
        said = PROFILER.start(Recording(one, pool, now())).message
        assert said == "SIGUSR1 sent; its inspector was opened and closed again, and it records"
        assert not inspected(), "while it records"
        (file,) = rest(one, pool, tmp_path / "home")
        assert (file.fault, file.suffix) == ("", ".cpuprofile")
        profile = json.loads(file.path.read_text())
        assert "hotLoop" in functions(profile)
        assert (profile["endTime"] - profile["startTime"]) / 1e6 > 0.9
        assert service.unharmed
        assert service.log.read_text().count("Debugger listening on") == 1


def test_an_alert_about_a_node_becomes_its_profile(tmp_path: Path, service: Node) -> None:
    eventually(lambda: age(service.pid) > 10, "it has started up")
    rules = [{"name": "node", "duration": "1s", "profiler": {"kind": "node-inspector", "exe": "node$"}}]
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        (one,) = scene.captured(alert(host=HOST, pid=service.pid))
        assert (one["state"], one["profiler"]) == ("completed", "node-inspector"), one
    assert service.unharmed


def age(pid: int) -> float:
    start = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - start / os.sysconf("SC_CLK_TCK")


def test_who_comes_back_after_a_crash_signals_and_records_once(
    pool: HostPool, tmp_path: Path, service: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begun(pool, service.pid)
    PROFILER.start(Recording(one, pool, now()))
    PROFILER.start(Recording(one, pool, now()))
    assert len(rest(one, pool, tmp_path / "home")) == 1
    assert service.log.read_text().count("Debugger listening on") == 1
    assert service.unharmed


def test_an_inspector_that_could_not_be_closed_at_once_is_closed_by_the_next_look(
    pool: HostPool, tmp_path: Path, service: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begun(pool, service.pid, 2)
    with monkeypatch.context() as cut:
        cut.setattr(inspector, "send_and_close", lost)
        said = PROFILER.start(Recording(one, pool, now())).message
    assert said.startswith("SIGUSR1 sent; its inspector is open still: ") and inspected()
    PROFILER.watch(Recording(one, pool, now()))
    assert not inspected()
    (file,) = rest(one, pool, tmp_path / "home")
    assert "hotLoop" in functions(json.loads(file.path.read_text()))
    assert service.unharmed


def lost(*_: object) -> None:
    raise Retryable(Code.HOST_UNREACHABLE, "the connection was lost")


def test_the_inspector_closes_and_node_serves_on_though_our_connection_falls_silent(
    tmp_path: Path, service: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a network that swallows everything: our connection stays open, and says nothing more."""
    send = send_and_close

    def send_and_fall_silent(*words: Any) -> None:
        send(*words)
        eventually(lambda: not inspected(), "the inspector is closed")
        assert service.answers()
        line.cut(Cut.HOLE)

    monkeypatch.setattr(inspector, "send_and_close", send_and_fall_silent)
    monkeypatch.setattr(node_inspector, "CLOSING", 0.5)
    with Sshd(tmp_path / "sshd") as sshd, closing(Line(sshd.port)) as line:
        key = sshd.known_hosts.read_text().partition(" ")[2]
        sshd.known_hosts.write_text(f"[127.0.0.1]:{line.port} {key}")
        with pool_to(sshd, line.port, channel_timeout=10.0) as pool:
            PROFILER.start(Recording(begun(pool, service.pid), pool, now()))
            eventually(lambda: [*service.folder.glob("*.cpuprofile")], "it has written its profile")
            assert service.answers() and not inspected()


@pytest.mark.parametrize(
    ("options", "env", "code"),
    [
        (("--inspect=0",), {}, Code.NO_PROFILER),
        (("--inspect-port=0",), {}, Code.NO_PROFILER),
        ((), {"NODE_OPTIONS": "--inspect-port=9333"}, Code.NO_PROFILER),
    ],
)
def test_a_node_whose_inspector_is_another_is_refused_and_not_signalled(
    pool: HostPool, tmp_path: Path, options: tuple[str, ...], env: dict[str, str], code: Code
) -> None:
    with Node(tmp_path / "node", options=options, **env) as service:
        with pytest.raises(AlertprofError) as refused:
            judged(pool, service.pid)
            PROFILER.start(Recording(begun(pool, service.pid), pool, now()))
        assert refused.value.reason.code is code
        assert service.alive and not inspected()
        assert "Starting inspector" not in service.log.read_text()


def test_a_node_that_took_away_the_signal_is_refused_and_lives(pool: HostPool, tmp_path: Path) -> None:
    with Node(tmp_path / "node", node.NEWEST, NODE_OPTIONS="--disable-sigusr1") as service:
        with pytest.raises(AlertprofError) as refused:
            PROFILER.start(Recording(begun(pool, service.pid), pool, now()))
        assert refused.value.reason.code in (Code.NO_PROFILER, Code.UNSAFE_SIGNAL)
        assert service.unharmed


def test_a_port_that_is_taken_is_not_taken_for_an_inspector(pool: HostPool, service: Node) -> None:
    with socket.create_server((inspector.ADDRESS, inspector.PORT)):
        with pytest.raises(AlertprofError, match="listens on port 9229") as refused:
            judged(pool, service.pid)
        assert refused.value.reason.code is Code.ALREADY_PROFILING
    assert service.unharmed


def test_what_is_called_node_and_is_none_is_not_signalled(pool: HostPool, tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGUSR1, lambda *_: open('signalled', 'w')); print('ready', flush=True); time.sleep(60)"  # noqa: E501
    program = tmp_path / "node"
    program.write_bytes(Path("/proc/self/exe").read_bytes())
    program.chmod(0o755)
    with Process([program, "-c", code], tmp_path / "log", env=dict(os.environ)) as other:
        other.until(lambda: "ready" in other.log.read_text(), "it is ready")
        with pytest.raises(AlertprofError, match="not shown to be Node") as refused:
            PROFILER.start(Recording(begun(pool, other.pid), pool, now()))
        assert refused.value.reason.code is Code.NO_PROFILER
        assert not (tmp_path / "signalled").exists()


def test_a_node_that_is_just_starting_is_waited_for(
    pool: HostPool, service: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_inspector, "STARTED_UP", 1e9)
    with pytest.raises(AlertprofError, match="still starting"):
        judged(pool, service.pid)


def test_a_host_that_does_not_forward_to_the_inspector_gets_no_signal(tmp_path: Path, service: Node) -> None:
    with Sshd(tmp_path / "sshd", config=("AllowTcpForwarding no",)) as sshd, pool_to(sshd) as pool:
        with pytest.raises(AlertprofError) as refused:
            judged(pool, service.pid)
        assert refused.value.reason.code is Code.NOT_PERMITTED
    assert service.unharmed


def test_the_page_of_the_plan_names_what_is_sent(pool: HostPool, service: Node) -> None:
    process = pool.gate(HOST).look(service.pid)
    assert process
    plan = PROFILER.plan(process, begun(pool, service.pid))
    assert any("SIGUSR1" in line for line in plan) and any("9229" in line for line in plan)

"""Whose profile it is: gateways that pass requests on and everybody called /app, through a real sshd."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.errors import Code, Refused
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.profilers.auto import Auto
from tests.integration.scene import Scene, alert, kinds
from tests.integration.test_http_pprof import HOST, KINDS, capture, collected, judged, top
from tests.lab import golang, ports
from tests.lab.process import Process
from tests.lab.shell import CHOSEN, local_gate
from tests.lab.sshd import Sshd

AS_APP = 'exec -a /app "$0"'  # bash's: the command line that it has in a container
UNMOVED = 'exec setarch -R bash -c \'exec -a /app "$0"\' "$0"'


class App:
    """A target whose command line is `/app`, as so many have in their containers."""

    def __init__(self, folder: Path, name: str = "profiled", *, script: str = AS_APP, **env: str) -> None:
        folder.mkdir()
        self.port = ports.free()
        program = golang.build(name)
        self.process = Process(["bash", "-c", script, program], folder / "log", env={"PORT": str(self.port), **env})
        try:
            self.process.until(lambda: "READY" in self.process.log.read_text(), f"{name} is ready")
        except BaseException:
            self.process.kill9()
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill9()


RunApp = Callable[..., App]


@pytest.fixture
def run_app(tmp_path: Path) -> Iterator[RunApp]:
    with ExitStack() as running:

        def run(name: str = "profiled", **more: str) -> App:
            folder = tmp_path / f"app-{len(list(tmp_path.iterdir()))}"
            try:
                return running.enter_context(App(folder, name, **more))
            except golang.Unavailable as reason:
                pytest.skip(str(reason))

        yield run


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[HostPool]:
    with Sshd(tmp_path / "sshd") as sshd:
        made = HostPool(Connector(sshd.settings()))
        yield made
        made.close()


def refused(pool: HostPool, pid: int) -> Refused:
    with pytest.raises(Refused) as caught:
        judged(pool, pid)
    return caught.value


@pytest.mark.parametrize("backend", ["profiled-bare", "profiled-pie", "profiled"])
def test_a_gateway_that_passes_every_path_on_does_not_get_its_backends_profile(
    pool: HostPool, run_app: RunApp, backend: str
) -> None:
    behind = run_app(backend, HOT="1")
    gateway = run_app("profiled", PASS_ON=behind.url)
    fault = refused(pool, gateway.pid)
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert f"{HOST}:{gateway.port}" in fault.reason.message
    assert f"pid {gateway.pid}" in fault.reason.message
    assert "pass requests on" in fault.reason.message
    assert judged(pool, behind.pid) == "http-pprof"


def test_the_capture_of_such_a_gateway_says_so_and_keeps_nothing(tmp_path: Path, run_app: RunApp) -> None:
    behind = run_app("profiled-bare", HOT="1")
    gateway, partly = (run_app("profiled", PASS_ON=behind.url, PASSED=path) for path in ("/", "/debug/pprof/profile"))
    with Scene(tmp_path / "scene", config={"limits": {"per_host": 4, "cooldown": "0s"}}) as scene:
        fired = [alert(f"{n:016x}", host=HOST, pid=each.pid, job=f"{n}") for n, each in enumerate((gateway, partly))]
        for one in scene.captured(*fired):
            assert (one["state"], one["reason"]["code"]) == ("failed", "evidence_conflict"), one["reason"]
            assert kinds(one) == set()  # of the second one the goroutines had come home at first
        (other,) = scene.captured(alert("00000000000000bb", host=HOST, pid=behind.pid))
        assert (other["state"], kinds(other)) == ("completed", KINDS), other["reason"]


@pytest.mark.parametrize("passed", ["/debug/pprof/profile", "/debug/pprof/heap"])
def test_a_proxy_for_one_path_alone_is_found_out_by_what_came_home(
    pool: HostPool, run_app: RunApp, tmp_path: Path, passed: str
) -> None:
    behind = run_app("profiled", HOT="1")
    gateway = run_app("profiled", PASS_ON=behind.url, PASSED=passed)
    of = capture(pool, gateway.pid)
    with pytest.raises(Refused) as caught:
        collected(pool, of, tmp_path / "home")
    assert caught.value.reason.code is Code.EVIDENCE_CONFLICT


def test_a_proxy_for_other_paths_is_profiled_itself(pool: HostPool, run_app: RunApp, tmp_path: Path) -> None:
    behind = run_app("profiled-bare", HOT="1")
    gateway = run_app("profiled", PASS_ON=behind.url, PASSED="/orders,/debug/pprof/symbol", HOT="1")
    files, _ = collected(pool, capture(pool, gateway.pid), tmp_path / "home")
    assert not [file.fault for file in files.values() if file.fault]
    assert "main.checksum" in top(files["cpu.pprof"].path)


@pytest.mark.parametrize("name", ["profiled", "profiled-pie", "profiled-bare", "profiled-old"])
def test_a_process_that_answers_for_itself_is_profiled_however_it_was_built(
    pool: HostPool, run_app: RunApp, tmp_path: Path, name: str
) -> None:
    target = run_app(name, HOT="1", GODEBUG="madvdontneed=1")
    assert judged(pool, target.pid) == "http-pprof"
    files, progress = collected(pool, capture(pool, target.pid), tmp_path / "home")
    assert {name: file.fault for name, file in files.items()} == dict.fromkeys(files, "")
    assert progress.message.startswith("11 of 11" if name == "profiled-old" else "13 of 13")


def test_two_replicas_behind_a_gateway_of_the_same_binary_are_told_apart(pool: HostPool, run_app: RunApp) -> None:
    one, other = run_app("profiled-bare"), run_app("profiled-bare")
    gateway = run_app("profiled-bare", PASS_ON=one.url)
    assert judged(pool, one.pid) == judged(pool, other.pid) == "http-pprof"
    assert refused(pool, gateway.pid).reason.code is Code.EVIDENCE_CONFLICT


def test_where_the_kernel_puts_all_code_at_the_same_place_replicas_are_refused_and_a_single_one_is_not(
    pool: HostPool, run_app: RunApp
) -> None:
    alone = run_app("profiled-bare", script=UNMOVED)
    assert judged(pool, alone.pid) == "http-pprof"
    gateway = run_app("profiled-bare", script=UNMOVED, PASS_ON=alone.url)
    fault = refused(pool, gateway.pid)
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert f"pid {alone.pid}" in fault.reason.message
    assert "cannot be told apart" in fault.reason.message


def test_auto_says_that_the_evidence_disagrees_too(pool: HostPool, run_app: RunApp) -> None:
    gateway = run_app("profiled", PASS_ON=run_app("profiled-bare").url)
    process = pool.gate(HOST).look(gateway.pid)
    assert process
    with pytest.raises(Refused) as caught:
        Auto().choose(process, HOST, pool)
    assert caught.value.reason.code is Code.EVIDENCE_CONFLICT


@pytest.mark.parametrize("shell", CHOSEN)
def test_the_gate_tells_where_the_code_lies_as_the_kernel_does(run_app: RunApp, shell: str) -> None:
    target = run_app("profiled-pie")
    gate = local_gate(shell)
    try:
        layout = gate.layout(target.pid)
        lines = Path(f"/proc/{target.pid}/maps").read_text().splitlines()
        code = [line.split()[0] for line in lines if line.split()[1][2] == "x"]
        assert layout
        assert {f"{span.start:08x}-{span.limit:08x}" for span in layout.spans} == set(code)
        assert layout.twins == ()
        assert gate.layout(4_000_000) is None
    finally:
        gate.close()

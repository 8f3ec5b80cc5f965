"""A real Rust service with pprof-rs and jemalloc_pprof, through a real sshd."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.analysis.verdict import check
from app.errors import Code, Refused
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.profilers.http_pprof import HttpPprof
from tests.integration.scene import Scene, alert, kinds
from tests.integration.test_http_pprof import HOST, capture, collected, judged, top
from tests.lab import ports, rust
from tests.lab.golang import Unavailable
from tests.lab.process import Process
from tests.lab.sshd import Sshd


@dataclass(frozen=True)
class Running:
    pid: int
    profiler: HttpPprof


Run = Callable[..., Running]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[HostPool]:
    with Sshd(tmp_path / "sshd") as sshd:
        made = HostPool(Connector(sshd.settings()))
        yield made
        made.close()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    try:
        program = rust.built()
    except Unavailable as reason:
        pytest.skip(str(reason))
    with ExitStack() as running:

        def begin(**env: str) -> Running:
            port = ports.free()
            process = Process([program], tmp_path / f"{port}.log", env={"PORT": str(port), **env})
            running.callback(process.kill9)
            process.until(lambda: "READY" in process.log.read_text(), "the Rust service is ready")
            return Running(process.pid, HttpPprof(ports=(port,)))

        yield begin


def test_a_rust_service_that_serves_its_cpu_profile_alone_becomes_that_profile(run: Run, tmp_path: Path) -> None:
    target = run()
    profiler = {"kind": "http-pprof", "ports": [*target.profiler.ports]}
    rules = [{"name": "every alert", "duration": "2s", "profiler": profiler}]
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        (one,) = scene.captured(alert(host=HOST, pid=target.pid, job="orders"))
        assert (one["state"], kinds(one)) == ("completed", {"cpu"}), one["reason"]


@pytest.mark.parametrize("also", ["", "HEAP", "CMDLINE"])
def test_the_profiles_of_a_rust_service_are_its_own_and_name_the_hot_function(
    pool: HostPool, run: Run, tmp_path: Path, also: str
) -> None:
    target = run(**({also: "1"} if also else {}))
    assert judged(pool, target.pid, target.profiler) == "http-pprof"
    of = capture(pool, target.pid, seconds=2, profiler=target.profiler)
    assert ("bare" in of.notes["http"]) is (also != "CMDLINE")
    files, _ = collected(pool, of, tmp_path / "home", target.profiler)
    assert {name: file.fault or check(file.kind, file.path) for name, file in files.items()} == dict.fromkeys(files)
    assert set(files) == {"cpu.pprof"} | ({"heap.pprof", "heap-after.pprof"} if also == "HEAP" else set())
    assert "orders::checksum" in top(files["cpu.pprof"].path)


def test_a_rust_service_gets_no_request_where_no_rule_names_its_port(pool: HostPool, run: Run) -> None:
    with pytest.raises(Refused) as caught:
        judged(pool, run().pid)
    assert caught.value.reason.code is Code.NO_PROFILER

"""net/http/pprof through a real sshd: of real Go programs on loopback, and of servers that mean no good."""

import base64
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import paramiko
import pytest
from paramiko.common import OPEN_SUCCEEDED

from app.analysis.verdict import check
from app.errors import Code, Refused, Retryable
from app.gate.pool import HostPool
from app.hosts.http import Deadlines
from app.hosts.ssh import DOWNLOAD_WINDOW, Connector, NotReached
from app.model import Capture, Kind, Target
from app.profilers import endpoint, http_pprof, takes
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.profilers.http_pprof import HttpPprof
from tests.integration.hostile import ENDS, PIECE, HostileHost, Session
from tests.integration.scene import Scene, alert, kinds
from tests.lab import golang, ports
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.unit.ledger.builders import NOON, manual
from tests.unit.web.certificates import Authority

RunTarget = Callable[..., Service]
HOST = "127.0.0.1"
OLD_KINDS = {"cpu", "heap", "allocs", "goroutine", "mutex", "block", "threadcreate"}
KINDS = OLD_KINDS | {"goroutineleak"}  # of Go 1.27
SOON = Deadlines(first=1, silence=1, whole=2)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as made:
        yield made


@pytest.fixture
def pool(sshd: Sshd) -> Iterator[HostPool]:
    made = HostPool(Connector(sshd.settings()))
    yield made
    made.close()


def capture(pool: HostPool, pid: int, *, seconds: float = 1, profiler: HttpPprof | None = None) -> Capture:
    """As it stands when it is begun."""
    process = pool.gate(HOST).look(pid)
    assert process
    new = manual(1, process=process.id, target=Target(HOST, pid), duration=timedelta(seconds=seconds))
    return replace(new, notes=(profiler or HttpPprof()).start(Recording(new, pool, NOON)).notes)


def collected(
    pool: HostPool,
    of: Capture,
    folder: Path,
    profiler: HttpPprof | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, Fetched], StepResult]:
    kept: list[Fetched] = []
    folder.mkdir(exist_ok=True)
    result = (profiler or HttpPprof()).collect(Recording(of, pool, NOON), Incoming(folder, kept.append, stopping))
    return {file.path.name: file for file in kept}, result


def judged(pool: HostPool, pid: int, profiler: HttpPprof | None = None) -> str:
    process = pool.gate(HOST).look(pid)
    assert process
    return (profiler or HttpPprof()).judge(process, HOST, pool)


def profiling(target: Service) -> bool:
    """Is its CPU being profiled? Its own goroutines tell, and nothing is disturbed by asking."""
    return "pprof.profileWriter" in target.get("/debug/pprof/goroutine?debug=2")


def tracing(target: Service) -> bool:
    return "pprof.Trace" in target.get("/debug/pprof/goroutine?debug=2")


def top(file: Path) -> str:
    return golang.tool("pprof", "-top", file)


# ---------------------------------------------------------------------- the whole line


def test_an_alert_becomes_the_profiles_of_a_program_that_serves_them_on_loopback(
    tmp_path: Path, run_target: RunTarget
) -> None:
    target = run_target("profiled", HOT="1", CONTENDED="1")
    rules = [{"name": "every alert", "duration": "2s", "profiler": "http-pprof"}]
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        (one,) = scene.captured(alert(host=HOST, pid=target.pid, job="orders"))
        assert (one["state"], one["profiler"]) == ("completed", "http-pprof"), one["reason"]
        assert kinds(one) == KINDS
        goroutines = sorted(a["name"].partition("Z")[2] for a in one["artifacts"] if a["kind"] == "goroutine")
        assert goroutines == ["-after.pprof", "-counted.txt", ".pprof", ".txt"]
        heaps = [a["name"].partition("Z")[2] for a in one["artifacts"] if a["kind"] == "heap"]
        assert heaps == [".pprof", "-after.pprof"]  # the first is the one that is shown
        cpu = next(artifact for artifact in one["artifacts"] if artifact["kind"] == "cpu")
        url = scene.service.url + cpu["href"]
        assert "main.checksum" in golang.tool("pprof", "-top", url, env={"PPROF_TMPDIR": str(tmp_path)})
    assert not profiling(target)


def test_a_silent_connection_that_sshd_closes_is_recorded_over_in_slices_and_the_remedy_is_told(
    tmp_path: Path, run_target: RunTarget
) -> None:
    target = run_target("profiled", HOT="1")
    rules = [{"name": "every alert", "duration": "6s", "profiler": "http-pprof"}]
    closing = {"config": ["ChannelTimeout direct-tcpip=4"]}
    with Scene(tmp_path / "scene", config={"rules": rules}, sshd=closing) as scene:
        (one,) = scene.captured(alert(host=HOST, pid=target.pid, job="orders"))
        assert (one["state"], kinds(one)) == ("completed", KINDS), one["reason"]
        (cpu,) = (artifact for artifact in one["artifacts"] if artifact["kind"] == "cpu")
        said = golang.tool("pprof", "-top", scene.service.url + cpu["href"], env={"PPROF_TMPDIR": str(tmp_path)})
    (seconds,) = re.findall(r"Duration: ([\d.]+)s", said)
    assert "main.checksum" in said and 5.9 <= float(seconds) < 12, said
    story = " ".join(event["message"] for event in one["timeline"])
    assert " slices of " in story and "ChannelTimeout direct-tcpip=15m" in story, story
    assert not profiling(target)


def test_a_connection_that_is_closed_in_every_recording_has_both_snapshots_too(
    tmp_path: Path, run_target: RunTarget
) -> None:
    target = run_target("profiled", HOT="1", GROWING="1")
    rules = [{"name": "every alert", "duration": "6s", "profiler": "http-pprof"}]
    with Scene(
        tmp_path / "scene", config={"rules": rules}, sshd={"config": ["ChannelTimeout direct-tcpip=4"]}
    ) as scene:
        (one,) = scene.captured(alert(host=HOST, pid=target.pid, job="orders"))
        heaps = {
            a["name"].partition("Z")[2]: scene.service.url + a["href"] for a in one["artifacts"] if a["kind"] == "heap"
        }
        base = f"-diff_base={heaps['.pprof']}"
        said = golang.tool("pprof", "-top", base, heaps["-after.pprof"], env={"PPROF_TMPDIR": str(tmp_path)})
    assert "main.keep" in said, said


def test_auto_takes_it_for_a_program_without_go_zero(tmp_path: Path, run_target: RunTarget) -> None:
    target = run_target("profiled")
    with Scene(tmp_path / "scene") as scene:
        (one,) = scene.captured(alert(host=HOST, pid=target.pid))
        assert (one["state"], one["profiler"]) == ("completed", "http-pprof"), one["reason"]


def test_a_capture_by_hand_that_is_stopped_early_is_whole(tmp_path: Path, run_target: RunTarget) -> None:
    target = run_target("profiled", HOT="1")
    with Scene(tmp_path / "scene") as scene:
        asked = {"host": HOST, "pid": target.pid, "duration": "10m", "profiler": "http-pprof"}
        new = scene.ask("POST", "/capture", json=asked).json()["id"]
        scene.service.wait_capture(new, {"recording"})
        eventually(lambda: profiling(target), "it records")
        assert scene.ask("POST", f"/captures/{new}/stop").status_code < 300
        one = scene.service.wait_capture(new)
        assert (one["state"], kinds(one)) == ("completed", KINDS), one["reason"]
    assert not profiling(target)


def test_kill_9_while_it_records_ends_the_recording_and_a_restart_makes_it_anew(
    tmp_path: Path, run_target: RunTarget
) -> None:
    target = run_target("profiled", HOT="1")
    with Scene(tmp_path / "scene") as scene:
        asked = {"host": HOST, "pid": target.pid, "duration": "10m", "profiler": "http-pprof"}
        new = scene.ask("POST", "/capture", json=asked).json()["id"]
        eventually(lambda: profiling(target), "it records")
        scene.service.kill9()
        eventually(lambda: not profiling(target), "Go has stopped by itself")
        scene.service.restart()
        eventually(lambda: profiling(target), "it records anew")
        assert scene.ask("POST", f"/captures/{new}/stop").status_code < 300
        one = scene.service.wait_capture(new)
        assert (one["state"], kinds(one)) == ("completed", KINDS), one["reason"]


# ---------------------------------------------------------------------- a real Go program


def test_every_kind_comes_home_as_what_it_is_and_pprof_names_the_hot_function(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled", HOT="1", CONTENDED="1", FLIGHT="/debug/flight")
    assert judged(pool, target.pid) == "http-pprof"
    profiler = HttpPprof(trace=True, flight_recorder="/debug/flight")
    files, progress = collected(pool, capture(pool, target.pid, seconds=2), tmp_path / "home", profiler)
    assert {file.kind.value for file in files.values()} == {*KINDS, "trace"}
    assert {name: file.fault or check(file.kind, file.path) for name, file in files.items()} == dict.fromkeys(files)
    assert progress.message.startswith("15 of 15")
    assert files["trace-flight.trace"].size > 100
    assert "main.checksum" in top(files["cpu.pprof"].path)
    assert "main.contend" in top(files["mutex.pprof"].path)
    assert "main.contend" in top(files["goroutine.pprof"].path)
    assert "main.spin" in files["goroutine.txt"].path.read_text()
    assert not profiling(target)


def growth(files: dict[str, Fetched], kind: str) -> str:
    first, second = files[f"{kind}.pprof"].path, files[f"{kind}-after.pprof"].path
    return golang.tool("pprof", "-top", "-sample_index=0", f"-diff_base={first}", second)


def test_what_grew_while_it_recorded_shows_in_the_difference_of_the_two_snapshots(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled", GROWING="1")
    profiler = HttpPprof(gc=True)
    files, progress = collected(pool, capture(pool, target.pid, seconds=3), tmp_path / "home", profiler)
    assert progress.message.startswith("13 of 13") and "garbage" not in progress.message, progress.message
    assert "main.keep" in growth(files, "heap")
    assert "main.forsaken" in growth(files, "goroutine")
    assert "main.forsaken" in growth(files, "goroutineleak")
    leaked = [part for part in files["goroutine.txt"].path.read_text().split("\n\n") if "(leaked)" in part]
    assert leaked and all("main.forsaken" in part for part in leaked)


def test_a_heap_of_which_the_garbage_was_not_collected_is_said_to_be_older(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled-1.26", GROWING="1", GOGC="10000")
    files, progress = collected(pool, capture(pool, target.pid, seconds=2), tmp_path / "never")
    assert not [file.fault for file in files.values() if file.fault]
    assert "heap.pprof counts all that was allocated so far" in progress.message
    assert "goroutineleak.pprof" not in files and "(leaked)" not in files["goroutine.txt"].path.read_text()
    target.get("/debug/pprof/heap?gc=1")
    began = time.monotonic()
    _, progress = collected(pool, capture(pool, target.pid, seconds=3), tmp_path / "later")
    took = time.monotonic() - began
    ages = re.findall(r"as of the last garbage collection, (\d+) s before", progress.message)
    assert len(ages) == 2 and 2 <= int(ages[1]) - int(ages[0]) <= took + 1, progress.message


def test_an_early_end_brings_the_cpu_profile_of_the_time_until_then(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled", HOT="1")
    began: list[float] = []

    def stopping() -> bool:
        if not began and profiling(target) and tracing(target):
            began.append(time.monotonic())
        return bool(began) and time.monotonic() > began[0] + 2

    of, profiler = capture(pool, target.pid, seconds=600), HttpPprof(trace=True)
    files, progress = collected(pool, of, tmp_path / "home", profiler, stopping)
    assert time.monotonic() - began[0] < 60
    assert "ended early after" in progress.message
    assert {name: file.fault or check(file.kind, file.path) for name, file in files.items()} == dict.fromkeys(files)
    assert "main.checksum" in top(files["cpu.pprof"].path)
    assert not profiling(target)


def test_a_connection_that_is_cut_leaves_nothing_recording_and_the_whole_is_asked_again(
    sshd: Sshd, pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target, profiler = run_target("profiled", HOT="1"), HttpPprof(trace=True)
    of = capture(pool, target.pid, seconds=600)
    with ThreadPoolExecutor(1) as threads:
        recording = threads.submit(collected, pool, of, tmp_path / "first", profiler)
        eventually(lambda: profiling(target) and tracing(target), "it records")
        sshd.cut()
        with pytest.raises(Retryable, match=HOST):
            recording.result(60)
    eventually(lambda: not profiling(target) and not tracing(target), "Go has stopped by itself")
    httpx2.get(f"{target.url}/debug/pprof/profile?seconds=1", timeout=60).raise_for_status()
    files, _ = collected(pool, replace(of, duration=timedelta(seconds=1)), tmp_path / "second", profiler)
    assert not [file.fault for file in files.values() if file.fault]


def test_somebody_elses_profile_is_waited_for_and_comes_whole(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled", HOT="1")
    of = capture(pool, target.pid)
    with socket.create_connection((HOST, target.port), 30) as theirs:
        theirs.sendall(b"GET /debug/pprof/profile?seconds=600 HTTP/1.0\r\n\r\n")
        eventually(lambda: profiling(target), "they record")
        with pytest.raises(Retryable) as caught:
            collected(pool, of, tmp_path / "home")
        assert caught.value.reason.code is Code.ALREADY_PROFILING
        theirs.shutdown(socket.SHUT_WR)  # the end of theirs
        answer = b"".join(iter(lambda: theirs.recv(1 << 16), b""))
    (tmp_path / "theirs").write_bytes(answer.partition(b"\r\n\r\n")[2])
    assert check(Kind.CPU, tmp_path / "theirs") is None


def test_a_process_that_dies_while_it_records_is_told_and_its_snapshots_are_home(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled")
    of = capture(pool, target.pid, seconds=600)
    with ThreadPoolExecutor(1) as threads:
        recording = threads.submit(collected, pool, of, tmp_path / "home")
        last = tmp_path / "home" / "threadcreate.pprof"
        eventually(lambda: last.exists() and check(Kind.THREADCREATE, last) is None, "the last snapshot is home")
        target.stop()
        files, progress = recording.result(60)
    assert progress.notes == {"lost": True}
    assert [name for name, file in files.items() if file.fault] == ["cpu.pprof"]


@pytest.mark.parametrize("name", ["real-v1.6.0", "real-v1.10.3"])
def test_go_zeros_own_devserver_is_found_beside_the_service_port(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, name: str
) -> None:
    port = ports.free()
    target = run_target(name, HOT="1", DEVSERVER=str(port))
    of = capture(pool, target.pid)
    assert of.notes == {"http": {"address": HOST, "port": port}}
    files, _ = collected(pool, of, tmp_path / "home")
    assert {name: file.fault or check(file.kind, file.path) for name, file in files.items()} == dict.fromkeys(files)
    assert "main.checksum" in top(files["cpu.pprof"].path)
    assert target.held() == set()


@pytest.mark.parametrize(("name", "seconds"), [("profiled-old", 24), ("profiled", 6)])
def test_a_write_timeout_below_the_duration_costs_an_old_go_the_difference_and_a_new_one_nothing(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, name: str, seconds: int
) -> None:
    """Of 24 s the next shorter is 19, which leaves a busy machine five seconds for the answer."""
    target, profiler = run_target(name, WRITE_TIMEOUT=f"{seconds}s"), HttpPprof(trace=True)
    files, progress = collected(pool, capture(pool, target.pid, seconds=seconds), tmp_path / "home", profiler)
    assert {name: file.fault or check(file.kind, file.path) for name, file in files.items()} == dict.fromkeys(files)
    assert ("cpu is of 19 s, 5 s shorter than asked for" in progress.message) is (name == "profiled-old")


def test_a_write_timeout_that_a_middleware_hides_costs_a_recording_and_half_of_the_time(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled", HOT="1", WRITE_TIMEOUT="5s", WRAPPED="1")
    files, progress = collected(pool, capture(pool, target.pid, seconds=6), tmp_path / "home")
    assert not files["cpu.pprof"].fault
    assert "cpu is of 3 s, 3 s shorter than asked for: it was recorded and then not sent" in progress.message


def test_a_handler_with_a_time_out_of_its_own_is_asked_for_less(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("profiled", HOT="1", TIMEOUT="3s")
    files, progress = collected(pool, capture(pool, target.pid, seconds=600), tmp_path / "home")
    assert not files["cpu.pprof"].fault
    assert re.search(r"something before it ends requests after \d+ s with 503", progress.message)
    assert not profiling(target)


def test_a_program_whose_port_is_closed_is_refused(pool: HostPool, run_target: RunTarget) -> None:
    with pytest.raises(Refused, match="it listens on no TCP port"):
        judged(pool, run_target("plain").pid)


def test_a_go_service_without_pprof_is_refused_with_what_it_answered(pool: HostPool, run_target: RunTarget) -> None:
    target = run_target("toggle")
    with pytest.raises(Refused, match=f"127.0.0.1:{target.port} answers 404"):
        judged(pool, target.pid)


def test_a_container_that_serves_on_its_own_loopback_is_refused_with_the_reason(pool: HostPool, tmp_path: Path) -> None:
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("may not make a network namespace")
    inside = f"ip link set lo up; exec {golang.build('profiled')}"
    command = ["unshare", "-n", "sh", "-c", inside]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PORT": "6061"}) as program:
        try:
            assert program.stdout
            assert program.stdout.readline().startswith(b"READY")
            with pytest.raises(Refused, match="6061 is bound to another network namespace's loopback"):
                judged(pool, program.pid)
        finally:
            program.kill()


# ---------------------------------------------------------------------- behind TLS, a login, a prefix


def test_a_program_that_speaks_tls_is_spoken_to_in_tls(pool: HostPool, run_target: RunTarget, tmp_path: Path) -> None:
    cert, secret = Authority(tmp_path / "authority").issue("orders")
    both = tmp_path / "both.pem"
    both.write_text(secret.read_text() + cert.read_text())
    target = run_target("profiled", HOT="1", TLS=str(both))
    of = capture(pool, target.pid, seconds=600)
    assert of.notes["http"]["tls"] is True
    asked = list[float]()

    def stopping() -> bool:
        asked.append(time.monotonic())
        return asked[-1] > asked[0] + 2

    files, progress = collected(pool, of, tmp_path / "home", stopping=stopping)
    assert {name: file.fault or check(file.kind, file.path) for name, file in files.items()} == dict.fromkeys(files)
    assert "ended early" in progress.message
    assert "main.checksum" in top(files["cpu.pprof"].path)


def test_a_server_that_wants_a_clients_certificate_is_named(pool: HostPool, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    cert, secret = authority.issue("orders")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.load_cert_chain(cert, secret)
    context.verify_mode = ssl.CERT_REQUIRED

    def answer(peer: socket.socket, path: str) -> None:
        says(peer, b"Client sent an HTTP request to an HTTPS server.", "400 Bad Request")

    def talk(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            if peer.recv(1, socket.MSG_PEEK) == b"G":
                peer.recv(1 << 16)
                answer(peer, "")
            else:
                context.wrap_socket(peer, server_side=True).recv(1)

    with Stranger(answer) as stranger:
        stranger._talk = talk  # type: ignore[method-assign]
        with pytest.raises(Refused, match="it may want a client's certificate"):
            judged(pool, os.getpid(), stranger.profiler)


def test_a_login_is_named_where_it_is_wanted_and_given_where_it_is_known(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    basic = "Basic " + base64.b64encode("ops:sésame".encode()).decode()
    target = run_target("profiled", LOGIN=basic)
    with pytest.raises(Refused, match="answers 401: it wants a login"):
        judged(pool, target.pid)
    (file := tmp_path / "password").write_text("sésame\n")
    known = HttpPprof(username="ops", password_file=str(file))
    assert judged(pool, target.pid, known) == "http-pprof"
    files, _ = collected(pool, capture(pool, target.pid, profiler=known), tmp_path / "home", known)
    assert not [file.fault for file in files.values() if file.fault]
    file.write_text("wrong")
    with pytest.raises(Refused, match="does not accept the login"):
        judged(pool, target.pid, known)
    (token := tmp_path / "token").write_text("s3cret")
    assert judged(pool, run_target("profiled", LOGIN="Bearer s3cret").pid, HttpPprof(token_file=str(token)))


def test_a_prefix_is_named_where_it_is_missing_and_asked_below_where_it_is_known(
    pool: HostPool, run_target: RunTarget
) -> None:
    target = run_target("profiled", PREFIX="/internal")
    with pytest.raises(Refused, match="answers 404; if it does under another path"):
        judged(pool, target.pid)
    assert judged(pool, target.pid, HttpPprof(path="/internal/debug/pprof")) == "http-pprof"


# ---------------------------------------------------------------------- what the key may


def authorize(sshd: Sshd, options: str) -> None:
    public = sshd.client_key.with_suffix(".pub").read_text()
    (sshd.directory / "authorized_keys").write_text(f"{options} {public}")


def test_a_restricted_key_is_refused_with_the_remedy(sshd: Sshd, pool: HostPool, run_target: RunTarget) -> None:
    target = run_target("profiled")
    authorize(sshd, "restrict")
    with pytest.raises(Refused) as caught:
        judged(pool, target.pid)
    assert caught.value.reason.code is Code.NOT_PERMITTED
    assert f'port-forwarding,permitopen="127.0.0.1:{target.port}"' in caught.value.reason.message


def test_the_remedy_helps(sshd: Sshd, pool: HostPool, run_target: RunTarget) -> None:
    target = run_target("profiled")
    authorize(sshd, f'restrict,port-forwarding,permitopen="127.0.0.1:{target.port}"')
    assert judged(pool, target.pid) == "http-pprof"


def test_an_sshd_that_forwards_nothing_is_refused_with_the_remedy(tmp_path: Path, run_target: RunTarget) -> None:
    target = run_target("profiled")
    with Sshd(tmp_path / "strict", config=["AllowTcpForwarding no"]) as strict:
        pool = HostPool(Connector(strict.settings()))
        with pytest.raises(Refused, match="AllowTcpForwarding"):
            judged(pool, target.pid)
        pool.close()


# ---------------------------------------------------------------------- strangers


class Stranger:
    """A server in this very process. `answer` is called with the socket and the path; `asked` are the paths."""

    def __init__(self, answer: Callable[[socket.socket, str], None]) -> None:
        self.answer, self.asked, self.accepted = answer, list[str](), 0
        self.socket = socket.create_server((HOST, 0))
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer = self.socket.accept()[0]
                self.accepted += 1
                threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with suppress(OSError, IndexError), peer:
            path = peer.recv(65536).split(b" ")[1].decode()
            self.asked.append(path)
            self.answer(peer, path)

    @property
    def profiler(self) -> HttpPprof:
        return HttpPprof(ports=(self.port,))

    def __enter__(self) -> "Stranger":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def myself() -> bytes:
    return Path("/proc/self/cmdline").read_bytes().removesuffix(b"\0")


def says(peer: socket.socket, body: bytes, status: str = "200 OK") -> None:
    peer.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def waits(peer: socket.socket, path: str) -> None:
    with suppress(OSError):
        peer.settimeout(60)
        peer.recv(1)


def floods(peer: socket.socket, path: str) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.sendall(PIECE)


def greets(peer: socket.socket, path: str) -> None:
    peer.sendall(b"J\0\0\0\n8.0.36\0" * 100)


def trickles(peer: socket.socket, path: str) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.sendall(b"x")
        time.sleep(0.1)


def pads(peer: socket.socket, path: str) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X-Padding: " + b"x" * 1000 + b"\r\n")


@contextmanager
def counting() -> Iterator[subprocess.Popen[bytes]]:
    """A program that is no Go and listens; at the end of its input it says how many have connected."""
    source = (
        "import socket, sys, select\n"
        "s = socket.create_server(('127.0.0.1', 0)); print('READY', flush=True)\n"
        "select.select([sys.stdin], [], [])\n"
        "s.setblocking(False); n = 0\n"
        "try:\n"
        "    while s.accept(): n += 1\n"
        "except BlockingIOError: print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout
            assert program.stdout.readline() == b"READY\n"
            yield program
        finally:
            program.kill()


def test_a_program_that_is_no_go_gets_no_connection_at_all(pool: HostPool) -> None:
    with counting() as program:
        with pytest.raises(Refused, match="no Go program"):
            judged(pool, program.pid)
        assert program.communicate(timeout=60)[0].strip() == b"0"


@pytest.mark.parametrize("answer", [waits, floods, greets, trickles, pads])
def test_a_stranger_at_a_named_port_is_refused_in_a_short_time(
    pool: HostPool, monkeypatch: pytest.MonkeyPatch, answer: Callable[[socket.socket, str], None]
) -> None:
    monkeypatch.setattr(endpoint, "PROBE", SOON)
    with Stranger(answer) as stranger:
        began = time.monotonic()
        with pytest.raises(Refused) as caught:
            judged(pool, os.getpid(), stranger.profiler)
        assert time.monotonic() - began < 60
        assert caught.value.reason.code is Code.NO_PROFILER
        eventually(lambda: stranger.asked == ["/debug/pprof/cmdline"], "its thread has noted the one question")


@pytest.mark.parametrize("bad", [waits, floods, greets, trickles, pads])
def test_a_program_that_answers_badly_after_all_is_bounded_in_time_and_size(
    pool: HostPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: Callable[[socket.socket, str], None]
) -> None:
    if bad not in (floods, greets):  # these two end by their size, however long that takes
        for name, value in {"ANSWER": 25, "SILENCE": 25, "SENDING": 30}.items():
            monkeypatch.setattr(takes, name, value)
    small = tuple(replace(part, limit=8 << 20) for part in http_pprof.INSTANT)
    monkeypatch.setattr(http_pprof, "INSTANT", small)

    def answer(peer: socket.socket, path: str) -> None:
        if path.endswith("/heap"):
            bad(peer, path)
        else:
            says(peer, myself() if path.endswith("/cmdline") else b"x")

    with Stranger(answer) as stranger:
        of = capture(pool, os.getpid(), profiler=stranger.profiler)
        began = time.monotonic()
        files, _ = collected(pool, of, tmp_path / "home", stranger.profiler)
        assert time.monotonic() - began < 500
    assert [name for name, file in files.items() if file.fault] == ["heap.pprof"]
    assert files["heap.pprof"].size == files["heap.pprof"].path.stat().st_size <= 8 << 20


# ---------------------------------------------------------------------- the door's tunnels


def test_a_port_where_nothing_listens_is_told_apart_and_the_connection_goes_on(pool: HostPool) -> None:
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotReached, match=f"127.0.0.1:{port}"):
        pool.tunnel(HOST, HOST, port)
    assert pool.gate(HOST).process(os.getpid())


def test_a_tunnel_is_opened_on_a_new_connection_when_the_old_one_was_cut(
    sshd: Sshd, pool: HostPool, run_target: RunTarget
) -> None:
    target = run_target("profiled")
    for _ in range(3):
        line = pool.tunnel(HOST, HOST, target.port)
        line.send(b"GET /debug/pprof/cmdline HTTP/1.1\r\nHost: x\r\n\r\n", 10)
        assert line.recv(8, 10) == b"HTTP/1.1"
        sshd.cut()
        with pytest.raises(Retryable):
            while line.recv(1 << 16, 10):
                pass
            line.send(b"x", 10)
        assert not line.alive
        line.close()


def test_many_threads_have_tunnels_to_ports_that_are_open_and_closed(pool: HostPool, run_target: RunTarget) -> None:
    target = run_target("profiled")
    with socket.create_server((HOST, 0)) as closed:
        shut = closed.getsockname()[1]

    def says_hello(port: int) -> bytes | None:
        try:
            line = pool.tunnel(HOST, HOST, port)
        except NotReached:
            return None
        line.send(b"GET /debug/pprof/cmdline HTTP/1.0\r\n\r\n", 60)
        answer = b"".join(iter(lambda: line.recv(1 << 16, 60), b""))
        line.close()
        return answer.partition(b"\r\n\r\n")[2]

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(says_hello, [target.port, shut] * 32))
    assert answers == [str(golang.build("profiled")).encode(), None] * 32


class Forwarding(paramiko.ServerInterface):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        return OPEN_SUCCEEDED


def test_a_host_that_floods_a_tunnel_without_heed_of_the_window_is_cut_off(tmp_path: Path) -> None:
    floods: list[Session] = []

    def flood(peer: socket.socket) -> None:
        transport = paramiko.Transport(peer)
        transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(hostile.key)))
        transport.start_server(server=Forwarding())
        channel = transport.accept(60)
        assert channel
        session = Session(channel)
        floods.append(session)
        with suppress(*ENDS):
            while session.sent < 64 << 20:
                session.force(PIECE)

    with HostileHost(tmp_path, raw=flood) as hostile:
        connection = Connector(hostile.settings).connect(HOST)
        line = None
        with suppress(Retryable):  # it may be cut off before the tunnel counts as open
            line = connection.tunnel(HOST, 6060)
        eventually(lambda: not connection.alive, "the connection was given up")
        assert line is None or not line.alive
        assert floods[0].sent < 4 * DOWNLOAD_WINDOW
        connection.close()


def test_closing_half_of_a_tunnel_lets_the_answer_come(pool: HostPool) -> None:
    def answer(peer: socket.socket, path: str) -> None:
        while peer.recv(65536):
            pass
        says(peer, b"good-bye")

    with Stranger(answer) as stranger:
        line = pool.tunnel(HOST, HOST, stranger.port)
        line.send(b"GET / HTTP/1.1\r\n\r\n", 10)
        line.finish()
        assert b"".join(iter(lambda: line.recv(1 << 16, 10), b"")).endswith(b"good-bye")
        line.close()

"""net/http/pprof without a network: who is asked, what is believed, what becomes of each answer."""

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import cast

import pytest

from app.analysis.profile import BadProfile, Mapped, read_file
from app.errors import Code, Refused, Retryable
from app.gate.answers import Mode, Process
from app.gate.facts import Layout, Ports, Seen, Span
from app.gate.pool import HostPool
from app.gate.recipes import MAPPED
from app.hosts.ssh import NotReached
from app.model import Artifact, Capture, Kind, ProcessId, Target
from app.profilers import origin, takes
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.profilers.heap_age import as_of
from app.profilers.http_pprof import HttpPprof
from app.profilers.places import Place, places_of
from tests.unit.analysis.synthetic import Maker
from tests.unit.ledger.builders import NOON, manual

ME = ProcessId("boot", 7, 100, "1:1")
WORDS = ("/srv/orders", "-f", "etc/orders.yaml")
CMDLINE = "\0".join(WORDS).encode()
FORBIDDEN = Refused(Code.NOT_PERMITTED, "host h: its sshd does not forward this key")
LOOPBACK = Ports((("127.0.0.1", 6060),))
COUNTED = b"goroutine profile: total 3\n3 @ 0x1\n#\t0x1\tmain.main+0x1\t/m.go:1\n"
PROOF = ["/debug/pprof/cmdline", "/debug/pprof/threadcreate"]
LAYOUT = Layout(frozenset({Span(0x400000, 0x6E7000, 0), Span(0x7FFC3000, 0x7FFC5000, 0)}))
MOVED = b"HTTP/1.1 301 Moved\r\nLocation: /admin\x1b[31m\r\nContent-Length: 0\r\n\r\n"
GONE_BY_NATURE = NotReached(Code.HOST_UNREACHABLE, "host h: nothing takes connections there")

Server = Callable[[str], bytes]  # path -> the whole answer


def ok(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def go(path: str) -> bytes:
    """A Go program with everything."""
    if path.endswith("/threadcreate"):
        return ok(profile())
    if path.endswith("/goroutine?debug=1"):
        return ok(COUNTED)
    return ok(CMDLINE if path.endswith("/cmdline") else f"profile of {path}".encode())


def profile(*spans: Span) -> bytes:
    """A profile of a process whose code lies there; without any: of the one that is meant."""
    made = Maker(("threadcreate", "count"))
    del made.message.mapping[:]
    for id, span in enumerate(spans or sorted(LAYOUT.spans, key=lambda span: span.start), 1):
        mapping = made.message.mapping.add(id=id, filename=made.string("/app"), build_id=made.string("0123abcd"))
        mapping.memory_start, mapping.memory_limit, mapping.file_offset = span.start, span.limit, span.offset
    return made.data()


def process(**more: object) -> Process:
    given = Process(
        id=ME, comm="orders", exe="/srv/orders", cmdline=WORDS, state="S", uid=0, nspid=7, traced=False,
        mode=Mode.NONE, gozero_version="", go_version="go1.27", catches=True, listens=False, readable=True, live=(),
        free_bytes=1 << 40, age=60.0,
    )  # fmt: skip
    return replace(given, **more)  # type: ignore[arg-type]


class Line:
    """A tunnel to a server; an answer of None is one that never comes until the asking side has finished."""

    def __init__(self, pool: "FakePool", server: Server | Exception) -> None:
        self.pool, self.server, self.answer = pool, server, b""
        self.finished, self.closed = threading.Event(), threading.Event()

    @property
    def alive(self) -> bool:
        return not self.pool.cut

    def send(self, data: bytes, timeout: float) -> None:
        path = data.split(b" ")[1].decode()
        self.pool.asked.append(path)
        if path.split("/")[-1].split("?")[0] in self.pool.slow:
            self.finished.wait(120)
        if isinstance(self.server, Exception):
            raise self.server
        self.answer = self.server(path)

    def recv(self, size: int, timeout: float) -> bytes:
        if self.closed.is_set():
            raise Retryable(Code.HOST_UNREACHABLE, "host h: the connection was lost")
        data, self.answer = self.answer[:size], self.answer[size:]
        return data

    def finish(self) -> None:
        self.finished.set()

    def close(self) -> None:
        self.closed.set()
        self.finished.set()


@dataclass
class FakePool:
    """One host. `servers`: what is behind each place; `slow`: which of pprof's answers take until the line ends."""

    servers: dict[Place, Server | Exception]
    ports_: Ports = LOOPBACK
    process_: Process | None = field(default_factory=process)
    others: tuple[Seen, ...] = ()
    layout_: Layout = LAYOUT
    slow: tuple[str, ...] = ()
    boot: str = "boot"
    host: str = "h"
    cut: bool = False
    asked: list[str] = field(default_factory=list)
    tunnels: list[Place] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def tunnel(self, host: str, address: str, port: int) -> Line:
        place = Place(address, port)
        self.tunnels.append(place)
        server = self.servers.get(place, GONE_BY_NATURE)
        if isinstance(server, NotReached | Refused):
            raise server
        self.lines.append(Line(self, server))
        return self.lines[-1]

    def gate(self, host: str, pid: int = 0) -> "FakePool":
        return self

    def look(self, pid: int) -> Process | None:
        return self.process_

    def process(self, pid: int) -> tuple[Seen, ...]:
        return (Seen(self.process_.id, "orders", "/srv/orders"),) if self.process_ else ()

    def layout(self, pid: int) -> Layout | None:
        return self.layout_ if self.process_ else None

    def ports(self, pid: int) -> Ports:
        return self.ports_

    def listeners(self, port: int) -> tuple[Seen, ...]:
        return (*self.process(7), *self.others)


def pool_to(server: Server | Exception = go, **more: object) -> FakePool:
    return FakePool({Place("127.0.0.1", 6060): server}, **more)  # type: ignore[arg-type]


def judged(pool: FakePool, profiler: HttpPprof | None = None) -> str:
    assert pool.process_
    return (profiler or HttpPprof()).judge(pool.process_, "h", cast(HostPool, pool))


def refused(pool: FakePool, profiler: HttpPprof | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        judged(pool, profiler)
    return caught.value


def capture(**more: object) -> Capture:
    notes = {"http": {"address": "127.0.0.1", "port": 6060}}
    return replace(manual(1, notes=notes, process=ME, target=Target("h", 7)), **more)  # type: ignore[arg-type]


def collected(
    pool: FakePool,
    folder: Path,
    profiler: HttpPprof | None = None,
    *,
    stopping: Callable[[], bool] = lambda: False,
    of: Capture | None = None,
) -> tuple[dict[str, Fetched], StepResult]:
    """The files by name, and what was said of them."""
    kept: list[Fetched] = []
    here = Recording(of or capture(), cast(HostPool, pool), NOON)
    result = (profiler or HttpPprof()).collect(here, Incoming(folder, kept.append, stopping))
    return {file.path.name: file for file in kept}, result


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are read here: the process apart has tests of its own, and costs a start each time."""

    def mapped_of(paths: list[Path]) -> dict[Path, tuple[Mapped, ...]]:
        found = {}
        for path in paths:
            with suppress(BadProfile):
                found[path] = read_file(path).mapped
        return found

    monkeypatch.setattr(origin, "mapped_of", mapped_of)


# ---------------------------------------------------------------------- who is asked


def test_a_process_that_answers_with_its_own_command_line_is_profiled() -> None:
    pool = pool_to()
    assert judged(pool) == "http-pprof"
    assert pool.asked == PROOF


def test_a_process_that_is_no_go_program_gets_no_connection() -> None:
    pool = pool_to(process_=process(go_version=""))
    fault = refused(pool)
    assert fault.reason.code is Code.NO_PROFILER
    assert "no Go program" in fault.reason.message
    assert pool.tunnels == []


def test_a_port_that_is_named_is_asked_whatever_the_program_and_no_other_is() -> None:
    pool = pool_to(process_=process(go_version=""), ports_=Ports((("127.0.0.1", 3306), ("127.0.0.1", 6060))))
    assert judged(pool, HttpPprof(ports=(6060,))) == "http-pprof"
    assert set(pool.tunnels) == {Place("127.0.0.1", 6060)}


def test_a_named_port_that_the_process_does_not_listen_on_is_refused_with_those_that_it_does() -> None:
    pool = pool_to()
    assert "listens on 6060 only" in refused(pool, HttpPprof(ports=(8080,))).reason.message
    assert pool.tunnels == []


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (lambda path: ok(b"/srv/other\0-f\0etc/orders.yaml"), "another command line"),
        (lambda path: ok(b""), "another command line"),
        (lambda path: ok(CMDLINE, "404 Not Found"), "answers 404"),
        (lambda path: ok(CMDLINE, "302 Found"), "answers 302"),
        (lambda path: MOVED, r"answers 301, a redirect to /admin\x1b[31m that is not followed"),
        (lambda path: ok(b"", "401 Unauthorized"), "answers 401: it wants a login (set username and password_file"),
        (lambda path: ok(b"", "403 Forbidden"), "answers 403: it wants a login"),
        (lambda path: ok(b"", "404 Not Found"), "under another path, name that (path)"),
        (lambda path: b"J\0\0\0\n8.0.36\0", "no HTTP"),
        (GONE_BY_NATURE, "takes no connection"),
    ],
    ids=[
        "another process",
        "nothing",
        "not found",
        "elsewhere",
        "redirect",
        "login",
        "forbidden",
        "prefix",
        "MySQL",
        "closed",
    ],
)
def test_what_answers_otherwise_is_refused_with_what_it_said(server: Server | Exception, said: str) -> None:
    fault = refused(pool_to(server))
    assert fault.reason.code is Code.NO_PROFILER
    assert "127.0.0.1:6060" in fault.reason.message
    assert said in fault.reason.message


def test_a_process_without_a_command_line_is_nobody() -> None:
    assert "another command line" in refused(pool_to(lambda path: ok(b""), process_=process(cmdline=("",)))).args[0]


def test_a_command_line_longer_than_the_gate_tells_is_compared_as_far_as_it_goes() -> None:
    whole = ["/srv/orders", *(f"-é={n}\n" for n in range(900))]
    answer = "\0".join(whole).encode()
    kernel = (answer + b"\0").replace(b"\0", b"\1").replace(b"\n", b" ")[:2000]  # as the gate tells it
    told = tuple(kernel.decode("utf-8", "backslashreplace").rstrip("\1").split("\1"))
    assert judged(pool_to(lambda path: ok(answer), process_=process(cmdline=told))) == "http-pprof"
    assert refused(pool_to(lambda path: ok(b"x" + answer), process_=process(cmdline=told)))


def test_every_port_is_tried_the_usual_one_first_until_one_is_it_and_eight_at_most() -> None:
    ports = Ports((*(("0.0.0.0", port) for port in range(8000, 8020)), ("127.0.0.1", 6060)))
    pool = FakePool({Place("127.0.0.1", 8003): go}, ports)
    assert judged(pool) == "http-pprof"
    assert pool.tunnels[:5] == [Place("127.0.0.1", port) for port in (6060, 8000, 8001, 8002, 8003)]
    none = FakePool({}, ports)
    refused(none)
    assert len(none.tunnels) == 8


def test_a_key_that_may_reach_only_one_of_the_ports_is_enough() -> None:
    ports = Ports((("127.0.0.1", 6060), ("127.0.0.1", 8080)))
    forbidden = FakePool({Place("127.0.0.1", 6060): FORBIDDEN, Place("127.0.0.1", 8080): go}, ports)
    assert judged(forbidden) == "http-pprof"


def test_a_key_that_may_reach_none_is_refused_as_sshd_refused_it() -> None:
    assert refused(pool_to(FORBIDDEN)).reason.code is Code.NOT_PERMITTED


def test_an_account_that_does_not_see_the_process_is_refused_without_a_connection() -> None:
    pool = pool_to(process_=process(readable=False))
    assert refused(pool).reason.code is Code.NOT_PERMITTED
    assert pool.tunnels == []


def test_a_process_that_ended_meanwhile_is_said_to_have() -> None:
    pool, gone = pool_to(GONE_BY_NATURE), process()
    pool.process_ = None
    with pytest.raises(Refused) as caught:
        HttpPprof().judge(gone, "h", cast(HostPool, pool))
    assert caught.value.reason.code is Code.PROCESS_EXITED


def test_a_port_shared_with_another_process_of_the_program_is_refused() -> None:
    twin = Seen(replace(ME, pid=8), "orders", "/srv/orders")
    assert "shares 127.0.0.1:6060 with pid 8" in refused(pool_to(others=(twin,))).reason.message


def test_a_port_shared_with_systemd_is_no_matter() -> None:
    assert judged(pool_to(others=(Seen(replace(ME, pid=1), "systemd", "/usr/lib/systemd/systemd"),))) == "http-pprof"


def passing_on(*spans: Span, paths: tuple[str, ...] = ("threadcreate", "goroutine", "heap")) -> Server:
    """What a gateway answers: with this command line, but of another process's code."""
    return lambda path: ok(profile(*spans)) if path.endswith(paths) else go(path)


ELSEWHERE = (Span(0x400000, 0x6E7000, 0), Span(0x7F0000, 0x7F2000, 0))  # the same program, begun at another time


def test_another_process_with_the_same_command_line_is_a_conflict_that_names_what_answers() -> None:
    fault = refused(pool_to(passing_on(*ELSEWHERE)))
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert "127.0.0.1:6060" in fault.reason.message
    assert "/app there (build id 0123abcd) lies elsewhere in memory" in fault.reason.message


def test_a_port_that_is_passed_on_does_not_hide_another_that_the_process_serves_itself() -> None:
    ports = Ports((("127.0.0.1", 6060), ("127.0.0.1", 8080)))
    gateway = passing_on(*ELSEWHERE)
    assert judged(FakePool({Place("127.0.0.1", 6060): gateway, Place("127.0.0.1", 8080): go}, ports)) == "http-pprof"


def test_profiles_that_do_not_tell_where_the_code_lies_prove_nothing_of_a_go_program() -> None:
    server = passing_on(Span(0, 0, 0))
    fault = refused(pool_to(server))
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert "do not tell where its code lies" in fault.reason.message
    of_c = pool_to(server, process_=process(go_version=""))
    assert judged(of_c, HttpPprof(ports=(6060,))) == "http-pprof"


def test_a_process_whose_code_lies_where_anothers_does_is_refused_by_its_number() -> None:
    fault = refused(pool_to(layout_=replace(LAYOUT, twins=(4711,))))
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert "pid 4711" in fault.reason.message


def test_what_every_process_has_at_the_same_place_is_no_evidence() -> None:
    vsyscall = Span(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000, 0)
    assert judged(pool_to(passing_on(*LAYOUT.spans, vsyscall))) == "http-pprof"
    assert refused(pool_to(passing_on(vsyscall))).reason.code is Code.EVIDENCE_CONFLICT


def test_the_first_small_profile_that_is_served_is_the_proof() -> None:
    missing = passing_on(*ELSEWHERE, paths=("goroutine", "heap"))

    def server(path: str) -> bytes:
        return ok(b"", "404 Not Found") if path.endswith("/threadcreate") else missing(path)

    assert refused(pool_to(server)).reason.code is Code.EVIDENCE_CONFLICT


def test_a_profile_that_comes_home_of_another_process_is_a_conflict(tmp_path: Path) -> None:
    pool = pool_to(passing_on(*ELSEWHERE, paths=("profile?seconds=30",)))
    assert judged(pool) == "http-pprof"
    with pytest.raises(Refused) as caught:
        collected(pool, tmp_path)
    assert caught.value.reason.code is Code.EVIDENCE_CONFLICT


def test_code_that_was_loaded_while_it_recorded_is_its_own(tmp_path: Path) -> None:
    more = Span(0x7F100000, 0x7F101000, 0)

    def server(path: str) -> bytes:
        if "profile?" in path:
            pool.layout_ = Layout(LAYOUT.spans | {more})
            return ok(profile(*LAYOUT.spans, more))
        return go(path)

    pool = pool_to(server)
    files, _ = collected(pool, tmp_path)
    assert not files["cpu.pprof"].fault


# ---------------------------------------------------------------------- where it is reached


@pytest.mark.parametrize(
    ("bound", "reached"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("0.0.0.0", ["127.0.0.1"]),
        ("::", ["::1", "127.0.0.1"]),
        ("::1", ["::1"]),
        ("::ffff:127.0.0.1", ["127.0.0.1"]),
        ("10.0.0.5", ["10.0.0.5"]),
        ("fe80::1", []),
    ],
)
def test_on_the_host_itself_a_port_is_reached_where_it_is_bound(bound: str, reached: list[str]) -> None:
    places, beyond = places_of(Ports(((bound, 6060),)), ())
    assert [place.address for place in places] == reached
    assert beyond == (() if reached else (6060,))


@pytest.mark.parametrize(
    ("bound", "reached"),
    [
        ("127.0.0.1", []),
        ("::1", []),
        ("0.0.0.0", ["172.17.0.2"]),
        ("::", ["172.17.0.2", "2001:db8::2"]),
        ("172.17.0.2", ["172.17.0.2"]),
        ("172.99.0.2", []),
    ],
)
def test_in_another_network_namespace_it_is_reached_at_that_ones_addresses(bound: str, reached: list[str]) -> None:
    at = ("127.0.0.1", "172.17.0.2", "2001:db8::2", "fe80::2", "::1")
    places, _ = places_of(Ports(((bound, 6060),), at, elsewhere=True), ())
    assert [place.address for place in places] == reached


def test_loopback_of_a_container_is_refused_with_the_reason_and_without_a_connection() -> None:
    pool = pool_to(ports_=Ports((("127.0.0.1", 6060),), ("172.17.0.2",), elsewhere=True))
    assert "port 6060 is bound to another network namespace's loopback" in refused(pool).reason.message
    assert pool.tunnels == []


# ---------------------------------------------------------------------- start


def test_the_start_notes_where_it_is_and_nothing_more_is_asked() -> None:
    pool = pool_to()
    assert HttpPprof().start(Recording(capture(notes={}), cast(HostPool, pool), NOON)).notes == {
        "http": {"address": "127.0.0.1", "port": 6060}
    }
    assert pool.asked == PROOF


@pytest.mark.parametrize(
    ("pool", "code"),
    [
        (pool_to(process_=None), Code.PROCESS_EXITED),
        (pool_to(process_=process(id=replace(ME, start=101))), Code.PROCESS_EXITED),
        (pool_to(process_=process(id=replace(ME, image="2:2"))), Code.PROCESS_REPLACED),
        (pool_to(boot="another"), Code.PROCESS_EXITED),
    ],
    ids=["gone", "another of that pid", "another program", "rebooted"],
)
def test_another_process_than_was_meant_is_refused_without_a_connection(
    pool: FakePool, code: Code, tmp_path: Path
) -> None:
    for act in (
        lambda: HttpPprof().start(Recording(capture(), cast(HostPool, pool), NOON)),
        lambda: collected(pool, tmp_path),
    ):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.reason.code is code
    assert pool.tunnels == []


def test_a_port_that_was_there_a_moment_ago_is_asked_again(tmp_path: Path) -> None:
    pool = pool_to(lambda path: ok(b"", "503 Service Unavailable"))
    for act in (
        lambda: HttpPprof().start(Recording(capture(), cast(HostPool, pool), NOON)),
        lambda: collected(pool, tmp_path),
    ):
        with pytest.raises(Retryable, match="answers 503"):
            act()


# ---------------------------------------------------------------------- collect


def test_everything_comes_home_in_files_of_its_own(tmp_path: Path) -> None:
    pool = pool_to()
    files, progress = collected(pool, tmp_path, of=capture(duration=timedelta(seconds=12)))
    assert set(files) == {
        "cpu.pprof", "goroutine-counted.txt", "goroutine.txt", "goroutine.pprof", "heap.pprof", "allocs.pprof",
        "mutex.pprof", "block.pprof", "threadcreate.pprof", "goroutine-after.pprof", "heap-after.pprof",
    }  # fmt: skip
    assert {name: f"{file.kind}{file.suffix}" for name, file in files.items()} == {name: name for name in files}
    assert files["cpu.pprof"].path.read_bytes() == b"profile of /debug/pprof/profile?seconds=12"
    assert files["goroutine.txt"].path.read_bytes() == b"profile of /debug/pprof/goroutine?debug=2"
    assert all(file.size == file.path.stat().st_size and not file.fault for file in files.values())
    assert progress.message == "11 of 11 files came home whole from 127.0.0.1:6060"
    assert all(line.closed.is_set() for line in pool.lines)


def test_a_trace_is_taken_when_asked_for_and_is_short() -> None:
    plan = HttpPprof(trace=True).plan(process(), capture(duration=timedelta(minutes=5)))
    assert "GET 127.0.0.1:6060 /debug/pprof/profile?seconds=300" in plan
    assert "GET 127.0.0.1:6060 /debug/pprof/trace?seconds=10" in plan
    assert not [line for line in HttpPprof().plan(process(), capture()) if "trace" in line]


def test_what_a_flight_recorder_holds_is_requested_once_at_its_own_path_and_before_the_recording(
    tmp_path: Path,
) -> None:
    profiler, pool = HttpPprof(flight_recorder="/debug/flight"), pool_to()
    assert profiler.plan(process(), capture())[1:3] == (
        "GET 127.0.0.1:6060 /debug/flight",
        "GET 127.0.0.1:6060 /debug/pprof/profile?seconds=30",
    )
    files, _ = collected(pool, tmp_path, profiler)
    assert files["trace-flight.trace"].path.read_text() == "profile of /debug/flight"
    had = (Artifact("o-7-trace-x-flight.trace", Kind.TRACE, 1, "00"),)
    collected(pool, tmp_path, profiler, of=capture(artifacts=had))
    assert pool.asked.count("/debug/flight") == 1
    with pytest.raises(ValueError, match="flight_recorder: no path"):
        HttpPprof(flight_recorder="/../etc?x")


def test_less_than_a_second_is_a_second_since_go_makes_thirty_of_none() -> None:
    short = capture(duration=timedelta(milliseconds=200), notes={})
    plan = HttpPprof(trace=True).plan(process(), short)
    assert [line.partition("seconds=")[2] for line in plan if "seconds" in line] == ["1", "1"]
    assert plan[0] == "GET ADDRESS:PORT, each that pid 7 listens on: /debug/pprof/cmdline"


def test_a_process_that_is_being_profiled_already_is_left_alone_and_asked_for_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takes, "BEGUN", 20)  # so long is its refusal waited for before the rest is asked
    busy = b"Could not enable CPU profiling: cpu profiling already in use\n"

    def server(path: str) -> bytes:
        return ok(busy, "500 Internal Server Error") if "profile?" in path else go(path)

    pool = pool_to(server)
    with pytest.raises(Retryable) as caught:
        collected(pool, tmp_path, HttpPprof(trace=True))
    assert caught.value.reason.code is Code.ALREADY_PROFILING
    assert pool.asked == ["/debug/pprof/cmdline", "/debug/pprof/profile?seconds=30"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ok(b"Unknown profile\n", "404 Not Found"), "GET /debug/pprof/mutex: not found"),
        (ok(b"no\nway", "500 Internal Server Error"), "GET /debug/pprof/mutex was answered with 500: no way"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "broke off after 5 bytes"),
        (b"220 mail\r\n", "no HTTP"),
    ],
)
def test_one_kind_that_is_refused_or_cut_is_a_fault_of_that_kind_alone(
    answer: bytes, said: str, tmp_path: Path
) -> None:
    files, progress = collected(pool_to(lambda path: answer if path.endswith("/mutex") else go(path)), tmp_path)
    assert said in files["mutex.pprof"].fault
    assert files["mutex.pprof"].size == files["mutex.pprof"].path.stat().st_size
    assert [name for name, file in files.items() if file.fault] == ["mutex.pprof"]
    assert progress.message.startswith("10 of 11")


def test_what_is_home_already_is_not_asked_for_again(tmp_path: Path) -> None:
    had = (Artifact("o-7-cpu-x.pprof", Kind.CPU, 1, "00"), Artifact("o-7-goroutine-x.txt", Kind.GOROUTINE, 1, "00"))
    files, _ = collected(pool_to(), tmp_path, of=capture(artifacts=had))
    assert "cpu.pprof" not in files
    assert "goroutine.txt" not in files
    assert "goroutine.pprof" in files


def test_what_a_write_timeout_refuses_is_asked_for_again_for_what_fits_and_the_capture_says_so(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        wanted = int(path.rpartition("seconds=")[2]) if "seconds=" in path else 0
        return ok(b"profile duration exceeds server's WriteTimeout", "400 Bad Request") if wanted >= 5 else go(path)

    files, progress = collected(
        pool_to(server), tmp_path, HttpPprof(trace=True), of=capture(duration=timedelta(seconds=8))
    )
    assert not [file for file in files.values() if file.fault]
    assert files["cpu.pprof"].path.read_bytes().endswith(b"profile?seconds=4")
    assert files["trace.trace"].path.read_bytes().endswith(b"trace?seconds=4")
    assert "cpu is of 4 s, 4 s shorter than asked for: its server's WriteTimeout allows no more" in progress.message
    assert "trace is of 4 s" in progress.message


def test_a_server_that_lets_nobody_record_is_a_fault_in_its_own_words(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        said = b"profile duration exceeds server's WriteTimeout"
        return ok(said, "400 Bad Request") if "profile?" in path else go(path)

    files, _ = collected(pool_to(server), tmp_path)
    assert "WriteTimeout" in files["cpu.pprof"].fault
    assert not files["heap.pprof"].fault


def test_an_end_asked_for_meanwhile_closes_our_half_of_what_records_and_keeps_what_comes(tmp_path: Path) -> None:
    pool = pool_to(slow=("profile", "trace"))
    files, progress = collected(pool, tmp_path, HttpPprof(trace=True), stopping=lambda: len(pool.asked) >= 10)
    assert not [file for file in files.values() if file.fault]
    assert "ended early after" in progress.message
    assert "cpu.pprof" in files


def test_what_does_not_come_after_an_early_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takes, "GRACE", 0.1)
    monkeypatch.setattr(Line, "finish", lambda self: None)
    pool = pool_to(slow=("profile",))
    files, _ = collected(pool, tmp_path, stopping=lambda: True)
    assert files["cpu.pprof"].fault
    assert pool.lines[-1].closed.is_set()


def test_a_lost_connection_is_passing_and_no_line_stays_open(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        if path.endswith("/block"):
            pool.cut = True
            raise Retryable(Code.HOST_UNREACHABLE, "host h: the connection was lost")
        return go(path)

    pool = pool_to(server, slow=("profile",))
    began = time.monotonic()
    with pytest.raises(Retryable, match="lost"):
        collected(pool, tmp_path)
    assert time.monotonic() - began < 60
    assert all(line.closed.is_set() for line in pool.lines)


def test_a_store_that_takes_nothing_ends_the_recording_too(tmp_path: Path) -> None:
    def keep(file: Fetched) -> None:
        raise OSError(28, "No space left on device")

    pool = pool_to(slow=("profile",))
    with pytest.raises(OSError, match="No space"):
        HttpPprof().collect(Recording(capture(), cast(HostPool, pool), NOON), Incoming(tmp_path, keep))
    assert all(line.closed.is_set() for line in pool.lines)


def test_a_process_that_ends_while_it_records_is_said_to_have(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        if "profile?" in path:
            pool.process_ = None
            return b""
        return go(path)

    pool = pool_to(server)
    files, progress = collected(pool, tmp_path)
    assert files["cpu.pprof"].fault
    assert progress.notes == {"lost": True}


# ---------------------------------------------------------------------- goroutines are counted first


def busy(total: int) -> Callable[[str], bytes]:
    """A server of so many goroutines."""
    counted = f"goroutine profile: total {total}\n{total} @ 0x1\n#\t0x1\tmain.main+0x1\t/m.go:1\n"
    return lambda path: ok(counted.encode()) if path.endswith("debug=1") else go(path)


@pytest.mark.parametrize(("total", "option", "dumped"), [(1999, 2000, True), (2000, 2000, False), (1, 0, False)])
def test_every_stack_is_written_out_only_where_few_goroutines_were_counted_before(
    total: int, option: int, dumped: bool, tmp_path: Path
) -> None:
    pool = pool_to(busy(total))
    files, progress = collected(pool, tmp_path, HttpPprof(dump_below=option))
    assert files["goroutine-counted.txt"].path.read_bytes().startswith(b"goroutine profile: total %d\n" % total)
    assert ("goroutine.txt" in files, "/debug/pprof/goroutine?debug=2" in pool.asked) == (dumped, dumped)
    assert ("not every stack was written out" in progress.message) == (not dumped)
    assert "goroutine-after.pprof" in files and not [file for file in files.values() if file.fault]


def test_a_server_that_does_not_say_how_many_goroutines_it_has_is_not_stopped(tmp_path: Path) -> None:
    pool = pool_to(lambda path: ok(b"hello") if path.endswith("debug=1") else go(path))
    files, _ = collected(pool, tmp_path)
    assert "/debug/pprof/goroutine?debug=2" not in pool.asked and "goroutine.txt" not in files


def test_the_goroutines_that_are_home_since_the_beginning_are_not_asked_for_again(tmp_path: Path) -> None:
    pool, noted = pool_to(busy(3000)), capture()
    early = Path(tempfile.mkdtemp(dir=tmp_path))
    kept: list[Fetched] = []
    result = HttpPprof().dump(Recording(noted, cast(HostPool, pool), NOON), Incoming(early, kept.append))
    assert (result.message, result.notes) == ("3000 goroutines were counted", {"goroutines": 3000})
    assert [f"{file.kind}{file.suffix}" for file in kept] == ["goroutine-counted.txt"]
    home = Artifact("orders-7-goroutine-20260101T120000Z-counted.txt", Kind.GOROUTINE, 1, "")
    pool.asked.clear()
    files, _ = collected(pool, tmp_path, of=replace(noted, artifacts=(home,), notes={**noted.notes, **result.notes}))
    assert not [path for path in pool.asked if "goroutine?debug" in path]
    assert "goroutine-after.pprof" in files


def test_a_count_of_long_ago_is_no_proof_that_there_are_few(tmp_path: Path) -> None:
    home = Artifact("orders-7-goroutine-20260101T120000Z-counted.txt", Kind.GOROUTINE, 1, "")
    noted = capture(artifacts=(home,), started_at=NOON - timedelta(minutes=2))
    pool = pool_to()
    collected(pool, tmp_path, of=replace(noted, notes={**noted.notes, "goroutines": 3}))
    assert "/debug/pprof/goroutine?debug=2" not in pool.asked
    fresh = pool_to()
    of = replace(noted, notes={**noted.notes, "goroutines": 3}, started_at=NOON)
    collected(fresh, tmp_path, of=of)
    assert "/debug/pprof/goroutine?debug=2" in fresh.asked


# ---------------------------------------------------------------------- twice, and how old


def listing(path: str) -> bytes:
    """A Go 1.27 as `go` is; its index page lists what it can do."""
    if path == "/debug/pprof/":
        return ok(b"<td>0</td><td><a href='goroutineleak?debug=1'>goroutineleak</a></td>")
    return go(path)


def test_what_may_grow_is_taken_again_when_the_recording_is_over(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        if "profile?" in path:
            pool.asked.append("over")
        return listing(path)

    pool = pool_to(server, slow=("profile",))
    files, _ = collected(pool, tmp_path, stopping=lambda: "/debug/pprof/threadcreate" in pool.asked)
    begun, over = pool.asked[: pool.asked.index("over")], pool.asked[pool.asked.index("over") :]
    twice = ["/debug/pprof/goroutineleak", "/debug/pprof/goroutine", "/debug/pprof/heap"]
    assert set(twice) <= set(begun)
    assert [path for path in over if path in twice] == twice
    assert {name for name in files if "-after" in name} == {
        "goroutineleak-after.pprof", "goroutine-after.pprof", "heap-after.pprof",
    }  # fmt: skip
    assert files["heap-after.pprof"].kind is Kind.HEAP
    assert not [file for file in files.values() if file.fault]


def test_leaked_goroutines_are_asked_for_where_the_index_lists_them_and_before_the_dump_that_marks_them(
    tmp_path: Path,
) -> None:
    pool = pool_to(listing, slow=("profile",))
    files, _ = collected(pool, tmp_path, stopping=lambda: "/debug/pprof/threadcreate" in pool.asked)
    assert not [file for file in files.values() if file.fault]
    assert files["goroutineleak.pprof"].kind is Kind.GOROUTINELEAK
    leak, dump = (pool.asked.index(f"/debug/pprof/{query}") for query in ("goroutineleak", "goroutine?debug=2"))
    assert leak < dump
    older = pool_to(go)
    files, _ = collected(older, tmp_path)
    assert "/debug/pprof/goroutineleak" not in older.asked
    assert not [name for name in files if "leak" in name]


def test_leaked_goroutines_that_are_listed_and_not_served_are_no_fault_and_not_asked_for_again(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        return ok(b"", "404 Not Found") if path.endswith("/goroutineleak") else listing(path)

    pool = pool_to(server)
    files, progress = collected(pool, tmp_path)
    assert not [file for file in files.values() if file.fault]
    assert progress.message.startswith("11 of 11")
    assert pool.asked.count("/debug/pprof/goroutineleak") == 1


def test_a_kind_that_did_not_come_is_not_asked_for_again(tmp_path: Path) -> None:
    def server(path: str) -> bytes:
        return ok(b"", "500 Internal Server Error") if path.endswith("/heap") else go(path)

    pool = pool_to(server)
    files, _ = collected(pool, tmp_path)
    assert [name for name, file in files.items() if file.fault] == ["heap.pprof"]
    assert pool.asked.count("/debug/pprof/heap") == 1


def test_nothing_is_asked_for_again_where_no_recording_came(tmp_path: Path) -> None:
    files, _ = collected(pool_to(lambda path: b"" if "profile?" in path else go(path)), tmp_path)
    assert "heap.pprof" in files
    assert not [name for name in files if "-after" in name]


@pytest.mark.parametrize(("times", "faulty"), [(1, []), (9, ["goroutine-after.pprof"])])
def test_a_connection_that_is_lost_at_the_end_costs_nothing_that_is_home(
    tmp_path: Path, times: int, faulty: list[str]
) -> None:
    left, seen = [Retryable(Code.HOST_UNREACHABLE, "host h: the connection was lost")] * times, list[str]()

    def server(path: str) -> bytes:
        pool.cut = bool(path in seen and left)
        seen.append(path)
        if pool.cut:
            raise left.pop()
        return go(path)

    pool = pool_to(server)
    files, progress = collected(pool, tmp_path)
    assert [name for name, file in files.items() if file.fault] == faulty
    assert files["cpu.pprof"].path.read_bytes()
    assert ("heap-after.pprof" in files) is (faulty == [])
    assert progress.message.startswith("11 of 11" if times == 1 else "9 of 10")


def test_an_end_asked_for_when_the_recording_is_over_does_not_make_it_shorter(tmp_path: Path) -> None:
    over = threading.Event()

    def server(path: str) -> bytes:
        if path.endswith("/heap") and "/debug/pprof/heap" in pool.asked[:-1]:
            over.set()
            time.sleep(takes.POLL * 1.5)
        return go(path)

    pool = pool_to(server)
    files, progress = collected(pool, tmp_path, stopping=over.is_set)
    assert "heap-after.pprof" in files
    assert "ended early" not in progress.message


def test_a_second_snapshot_that_is_home_already_is_not_asked_for_again(tmp_path: Path) -> None:
    had = (
        Artifact("o-7-heap-x.pprof", Kind.HEAP, 1, "00"),
        Artifact("o-7-heap-x-after.pprof", Kind.HEAP, 1, "00"),
        Artifact("o-7-goroutine-x-after.pprof", Kind.GOROUTINE, 1, "00"),
    )
    files, _ = collected(pool_to(), tmp_path, of=capture(artifacts=had))
    assert "heap.pprof" not in files
    assert "heap-after.pprof" not in files
    assert "goroutine-after.pprof" not in files
    assert "goroutine.pprof" in files


def dated(last: int) -> Server:
    """A server whose garbage was last collected at that nanosecond. It is noon there."""
    text = b"1: 16 [1: 16] @ 0x1\n" * 9000 + b"# NextGC = 4194304\n# LastGC = %d\n# NumGC = 3\n" % last
    head = b"HTTP/1.1 200 OK\r\nDate: %b\r\nContent-Length: %d\r\n\r\n"

    def server(path: str) -> bytes:
        if not path.endswith("heap?debug=1"):
            return go(path)
        return head % (format_datetime(NOON, usegmt=True).encode(), len(text)) + text

    return server


def test_the_capture_says_how_old_the_numbers_of_a_heap_are(tmp_path: Path) -> None:
    last = int((NOON - timedelta(seconds=94)).timestamp() * 1e9)
    _, progress = collected(pool_to(dated(last)), tmp_path)
    assert "heap.pprof is as of the last garbage collection, 94 s before" in progress.message
    assert "heap-after.pprof is as of the last garbage collection, 94 s before" in progress.message
    _, progress = collected(pool_to(dated(0)), tmp_path)
    assert "heap.pprof counts all that was allocated so far" in progress.message


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Sat, 99 Nov 2026 25:00:00 GMT", "Sat, 28 Nov 99999999999 12:00:00 GMT"]
)
def test_a_date_that_is_none_leaves_the_age_untold(date: str) -> None:
    assert as_of(b"# LastGC = 1700000000000000000\n", date) == ""


def test_the_garbage_is_collected_before_each_heap_where_the_rule_says_so_and_never_else(tmp_path: Path) -> None:
    plain, fresh = pool_to(), pool_to()
    collected(plain, tmp_path)
    assert not [path for path in plain.asked if "gc=" in path]
    files, progress = collected(fresh, tmp_path, HttpPprof(gc=True))
    assert [path for path in fresh.asked if "/heap" in path] == ["/debug/pprof/heap?gc=1"] * 2
    assert "garbage" not in progress.message
    assert {"heap.pprof", "heap-after.pprof"} <= set(files)


def test_the_plan_says_what_is_asked_for_twice_and_what_only_where_it_is_listed() -> None:
    plan = HttpPprof(gc=True).plan(process(), capture())
    assert "GET 127.0.0.1:6060 /debug/pprof/heap?gc=1, and again at the end" in plan
    assert "GET 127.0.0.1:6060 /debug/pprof/goroutineleak where the index page lists it, and again at the end" in plan
    assert "GET 127.0.0.1:6060 /debug/pprof/goroutine?debug=2 where fewer than 2000 goroutines are counted" in plan
    assert "GET 127.0.0.1:6060 /debug/pprof/goroutine?debug=1" in plan
    assert "GET 127.0.0.1:6060 /debug/pprof/mutex" in plan
    aged = "GET 127.0.0.1:6060 /debug/pprof/heap, then heap?debug=1 for its age, and again at the end"
    assert aged in HttpPprof().plan(process(), capture())
    other = HttpPprof(ports=(6060,), gc=True).plan(process(go_version=""), capture())
    assert "GET 127.0.0.1:6060 /debug/pprof/heap where it is served, and again at the end" in other


# ---------------------------------------------------------------------- the rest


def test_a_whole_capture_has_all_kinds_and_the_trace_if_asked_for() -> None:
    kinds = {Kind.CPU, Kind.GOROUTINE, Kind.HEAP, Kind.ALLOCS, Kind.MUTEX, Kind.BLOCK, Kind.THREADCREATE}
    assert set(HttpPprof().missing(frozenset())) == kinds
    assert set(HttpPprof(trace=True).missing(frozenset())) == {*kinds, Kind.TRACE}
    assert HttpPprof().missing(frozenset(kinds)) == ()


def test_a_login_is_a_name_and_a_password_or_a_token() -> None:
    for name, password, token in (("a", "", ""), ("", "f", ""), ("a:b", "f", ""), ("a", "f", "t")):
        with pytest.raises(ValueError, match="http-pprof: a login is"):
            HttpPprof(username=name, password_file=password, token_file=token)


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff"])
def test_a_secret_that_cannot_be_read_is_a_refusal_that_names_its_file_and_not_the_secret(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    pool = pool_to()
    fault = refused(pool, HttpPprof(token_file=str(file)))
    assert fault.reason.code is Code.AUTH_FAILED
    assert str(file) in fault.reason.message
    assert "lines" not in fault.reason.message
    assert pool.asked == []


@pytest.mark.parametrize("path", ["debug/pprof", "/debug/pprof/", "/a b", "/a?x=1", "/a\r\nX: y", "/../é", "", "/"])
def test_a_path_out_of_its_grammar_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="http-pprof: path"):
        HttpPprof(path=path)


@pytest.mark.parametrize("ports", [(0,), (65536,), tuple(range(1, 10))])
def test_ports_that_are_none_or_too_many_are_refused(ports: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="http-pprof: ports"):
        HttpPprof(ports=ports)


def test_the_gate_may_read_executables_only_where_a_rule_names_ports() -> None:
    assert HttpPprof().recipes() == ()
    assert HttpPprof(ports=(8080,)).recipes() == (MAPPED,)


def test_a_recording_that_another_replica_may_have_taken_over_is_let_go_at_once(tmp_path: Path) -> None:
    def lost() -> bool:
        raise Retryable(Code.TIMEOUT, "h: left alone")

    pool = pool_to(slow=("profile",))
    with pytest.raises(Retryable, match="left alone"):
        collected(pool, tmp_path, stopping=lost)
    assert all(line.closed.is_set() for line in pool.lines), "the process stops recording"

"""Go's own net/http/pprof, asked through the SSH connection: on any port that the process listens on, loopback's too.

Nothing is exposed, nothing is started and nothing is left on the host. A recording is a GET that takes as long. When
its connection ends, Go's handler stops profiling by itself, whoever died; when only our half of it ends, the handler
stops and still sends what it has, which is how a recording is ended early.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from app.errors import Code, Refused, Retryable
from app.gate.client import Gate, Process
from app.gate.facts import Layout, Ports
from app.gate.pool import HostPool
from app.hosts.http import Deadlines
from app.model import Capture, Kind
from app.profilers.base import Fetched, Profiler, StepResult, gate_of, host_of, process_of
from app.profilers.gates import refusal
from app.profilers.origin import layout_of, prove, prove_all
from app.profilers.places import PORTS_AT_MOST, Place, places_of
from app.profilers.servers import SPEAKS_TLS, Login, Server
from app.profilers.takes import Part, Takes

NAME = "http-pprof"
TRACE_AT_MOST = timedelta(seconds=10)  # it grows by megabytes a second
TRACE_LIMIT = 1 << 30  # bytes
PROBE = Deadlines(first=10, silence=10, whole=20)
NOTE = "http"  # in a capture's notes: {"address", "port"}, and "tls" where it is so

INSTANT = (
    Part(Kind.GOROUTINE, "goroutine?debug=2", ".txt"),
    Part(Kind.GOROUTINE, "goroutine", ".pprof"),
    Part(Kind.HEAP, "heap"),
    Part(Kind.ALLOCS, "allocs"),
    Part(Kind.MUTEX, "mutex"),
    Part(Kind.BLOCK, "block"),
    Part(Kind.THREADCREATE, "threadcreate"),
)


@dataclass(frozen=True, slots=True)
class HttpPprof(Profiler):
    ports: tuple[int, ...] = ()  # these alone are asked, of any program; else all that a Go program listens on
    path: str = "/debug/pprof"
    trace: bool = False  # an execution trace as well, of 10 seconds at most
    username: str = ""  # where it wants a login, with password_file
    password_file: str = ""
    token_file: str = ""  # or a bearer token

    streams: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]{1,64}){1,8}", self.path, re.ASCII):
            raise ValueError(f"{NAME}: path: no path such as /debug/pprof: {self.path[:80]!r}")
        if not all(0 < port < 65536 for port in self.ports):
            raise ValueError(f"{NAME}: ports: a port is a number from 1 to 65535")
        if len(self.ports) > PORTS_AT_MOST:
            raise ValueError(f"{NAME}: ports: {PORTS_AT_MOST} at most")
        if (
            bool(self.username) != bool(self.password_file)
            or (self.username and self.token_file)
            or ":" in self.username
        ):
            raise ValueError(f"{NAME}: a login is username (without a colon) and password_file, or token_file alone")

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        if not process.go_version and not self.ports:
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({name_of(process)}) is no Go program, and HTTP is not sent to "
                f"a stranger's port: if it serves {self.path} all the same, name the port "
                f"({{kind: {NAME}, ports: [6060]}})",
            )
        found = self._find(process, host, pool)
        if isinstance(found, str):
            raise Refused(Code.NO_PROFILER, found)
        return NAME

    def begun(self, capture: Capture, pool: HostPool) -> bool:
        return False

    def start(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        host = host_of(capture)
        found = self._find(the_process(capture, pool), host, pool)
        if isinstance(found, str):  # it was there a moment ago: too busy to answer, perhaps
            raise Retryable(Code.TIMEOUT, found)
        noted = {"address": found.address, "port": found.port, **({"tls": True} if found.tls else {})}
        return StepResult(f"it serves {self.path} at {found}", notes={NOTE: noted})

    def watch(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        """Records only for as long as `collect` holds the connection."""
        return StepResult()

    def stop(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        return StepResult()

    def collect(
        self,
        capture: Capture,
        pool: HostPool,
        folder: Path,
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> StepResult:
        host, process = host_of(capture), the_process(capture, pool)
        server = self._server(pool, host, self._noted(capture))
        layout = layout_of(process, pool.gate(host))
        if other := server.other(process, PROBE):
            raise Retryable(Code.TIMEOUT, f"{host}: pid {process.id.pid}: {server.place} {other}")
        had = {(artifact.kind, PurePosixPath(artifact.name).suffix) for artifact in capture.artifacts}
        recorded = [part for part in self._recorded(capture) if (part.kind, part.suffix) not in had]
        instant = [part for part in INSTANT if (part.kind, part.suffix) not in had]
        takes = Takes(server, folder)
        home: list[Fetched] = []

        def take(file: Fetched) -> None:
            keep(file)
            home.append(file)

        takes.all(recorded, instant, take, stopping)
        prove_all(server, process, layout, home)
        return self._told(server, process, home, takes)

    def _told(self, server: Server, process: Process, home: list[Fetched], takes: Takes) -> StepResult:
        whole = [not file.fault for file in home]
        said = f"{sum(whole)} of {len(whole)} files came home whole from {server.place}"
        if not all(whole) and not lives(process, server.pool.gate(server.host)):
            return StepResult(f"{said}; the process ended while it was recording", notes={"lost": True})
        ended = [f"ended early after {takes.ended_after:.0f} s"] if takes.ended_after else []
        return StepResult("; ".join([said, *ended, *(f"{kind} is {why}" for kind, why in takes.shorter.items())]))

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        whole = (Kind.CPU, *([Kind.TRACE] if self.trace else []), *(part.kind for part in INSTANT))
        return tuple(kind for kind in dict.fromkeys(whole) if kind not in have)

    def clean(self, capture: Capture, pool: HostPool) -> StepResult:
        return StepResult("nothing was left on the host")

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        ports = "|".join(map(str, self.ports)) or f"PORT, each that pid {process.id.pid} listens on:"
        place = str(self._noted(capture)) if NOTE in capture.notes else f"ADDRESS:{ports}"
        queries = ("cmdline", *(part.query for part in (*self._recorded(capture), *INSTANT)))
        return tuple(f"GET {place} {self.path}/{query}" for query in queries)

    def _recorded(self, capture: Capture) -> tuple[Part, ...]:
        """What takes time; whole seconds, since Go takes no others and makes 30 of 0."""
        seconds = max(round(capture.duration.total_seconds()), 1)
        traced = min(seconds, round(TRACE_AT_MOST.total_seconds()))
        cpu = Part(Kind.CPU, f"profile?seconds={seconds}", seconds=seconds)
        trace = Part(Kind.TRACE, f"trace?seconds={traced}", ".trace", limit=TRACE_LIMIT, seconds=traced)
        return (cpu, trace) if self.trace else (cpu,)

    def _noted(self, capture: Capture) -> Place:
        noted: dict[str, Any] | None = capture.notes.get(NOTE)
        if noted is None:
            raise Refused(Code.COLLECT_FAILED, f"capture {capture.id} was begun without a port")
        return Place(str(noted["address"]), int(noted["port"]), bool(noted.get("tls")))

    def _find(self, process: Process, host: str, pool: HostPool) -> Place | str:
        """Where this very process serves pprof; or a sentence that says what is there instead."""
        who = f"{host}: pid {process.id.pid} ({name_of(process)})"
        if not process.readable:
            raise refusal_to_see(who)
        gate = pool.gate(host)
        ports, layout = gate.ports(process.id.pid), layout_of(process, gate)
        places, beyond = places_of(ports, self.ports)
        others: dict[Place, str | Refused] = {}
        for bare in places:
            place, other = bare, self._asked(process, layout, self._server(pool, host, bare))
            if other == SPEAKS_TLS:
                place = bare._replace(tls=True)
                other = self._asked(process, layout, self._server(pool, host, place))
            if not other:
                return alone(gate, process, place, who)
            others[place] = other
        if not lives(process, gate):  # which also shows that it was not our connection that was silent
            raise Refused(Code.PROCESS_EXITED, f"{who} has exited")
        if forbidden := next((other for other in others.values() if isinstance(other, Refused)), None):
            raise forbidden
        said = [f"port {port} is bound to another network namespace's loopback, out of reach" for port in beyond]
        said += [f"{place} {other}" for place, other in others.items()]
        said += ["if it does under another path, name that (path)"] * any("answers 404" in each for each in said)
        return f"{who} serves no {self.path}: {'; '.join(said) or listens_on(ports)}"

    def _asked(self, process: Process, layout: Layout, server: Server) -> str | Refused:
        """What answers there instead of this very process, "" when it is this one. Neither a place that sshd does not
        forward to nor one where another process answers is the end: permitopen may allow the next, which may be it."""
        try:
            other = server.other(process, PROBE)
            if not other:
                prove(server, process, layout, PROBE)
        except Refused as refused:
            if refused.reason.code not in (Code.NOT_PERMITTED, Code.EVIDENCE_CONFLICT):
                raise
            return refused
        return other

    def _server(self, pool: HostPool, host: str, place: Place) -> Server:
        return Server(pool, host, place, self.path, Login(self.username, self.password_file, self.token_file))


def the_process(capture: Capture, pool: HostPool) -> Process:
    """The capture's process as it is now. Raises Refusal when it is gone or runs another program."""
    meant = process_of(capture)
    process = gate_of(capture, pool).look(meant.pid)
    if process is None or process.id.key != meant.key:
        raise refusal(capture, "gone")
    if process.id != meant:
        raise refusal(capture, "replaced")
    return process


def lives(process: Process, gate: Gate) -> bool:
    return any(seen.id.key == process.id.key for seen in gate.process(process.id.pid))


def alone(gate: Gate, process: Process, place: Place, who: str) -> Place:
    """The place, if no other process of the same program takes connections from the same port: whose profile would come
    could not be told."""
    for seen in gate.listeners(place.port):
        if seen.id.key != process.id.key and seen.exe == process.exe:
            theirs, _ = places_of(gate.ports(seen.id.pid), (place.port,))
            if place._replace(tls=False) in theirs:
                raise Refused(
                    Code.NO_PROFILER, f"{who} shares {place} with pid {seen.id.pid}: who of them answers cannot be told"
                )
    return place


def listens_on(ports: Ports) -> str:
    numbers = ", ".join(str(port) for port in dict.fromkeys(port for _, port in ports.listening))
    return f"it listens on {numbers} only" if numbers else "it listens on no TCP port"


def refusal_to_see(who: str) -> Refused:
    return Refused(
        Code.NOT_PERMITTED,
        f"{who} does not let this account see where it listens: log in as the service's user or as root, "
        "or set become: sudo",
    )


def name_of(process: Process) -> str:
    return PurePosixPath(process.exe).name or process.comm

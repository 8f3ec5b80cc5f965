"""Go's own net/http/pprof, asked through the SSH connection: on any port that the process listens on, loopback's too.

Nothing is exposed, nothing is started and nothing is left on the host. A recording is a GET that takes as long. When
its connection ends, Go's handler stops profiling by itself, whoever died; when only our half of it ends, the handler
stops and still sends what it has, which is how a recording is ended early.
"""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from app.errors import Code, Passing, Refusal
from app.hosts.door import Door
from app.hosts.facts import Ports
from app.hosts.gate import Gate, Process
from app.hosts.http import Patience, get
from app.hosts.ssh import NotReached
from app.model import Capture, Kind
from app.profilers.base import Fetched, Profiler, Progress, gate_of, host_of, process_of
from app.profilers.gates import refusal
from app.profilers.places import PORTS_AT_MOST, Place, places_of
from app.profilers.takes import Part, Takes

NAME = "http-pprof"
TRACE_AT_MOST = timedelta(seconds=10)  # it grows by megabytes a second
TRACE_LIMIT = 1 << 30  # bytes
CMDLINE_LIMIT = 2 << 20  # bytes; as much as Linux takes
CMDLINE_SEEN = 2000  # bytes of it that the gate tells
PROBE = Patience(first=10, silence=10, whole=20)
NOTE = "http"  # in a capture's notes: {"address", "port"}

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

    streams: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]{1,64}){1,8}", self.path, re.ASCII):
            raise ValueError(f"{NAME}: path: no path such as /debug/pprof: {self.path[:80]!r}")
        if not all(0 < port < 65536 for port in self.ports):
            raise ValueError(f"{NAME}: ports: a port is a number from 1 to 65535")
        if len(self.ports) > PORTS_AT_MOST:
            raise ValueError(f"{NAME}: ports: {PORTS_AT_MOST} at most")

    def judge(self, process: Process, host: str, door: Door) -> str:
        if not process.go_version and not self.ports:
            raise Refusal(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({name_of(process)}) is no Go program, and HTTP is not sent to "
                f"a stranger's port: if it serves {self.path} all the same, name the port "
                f"({{kind: {NAME}, ports: [6060]}})",
            )
        found = self._find(process, host, door)
        if isinstance(found, str):
            raise Refusal(Code.NO_PROFILER, found)
        return NAME

    def begun(self, capture: Capture, door: Door) -> bool:
        return False

    def start(self, capture: Capture, door: Door, now: datetime) -> Progress:
        host = host_of(capture)
        found = self._find(the_process(capture, door), host, door)
        if isinstance(found, str):  # it was there a moment ago: too busy to answer, perhaps
            raise Passing(Code.TIMEOUT, found)
        noted = {"address": found.address, "port": found.port}
        return Progress(f"it serves {self.path} at {found}", notes={NOTE: noted})

    def watch(self, capture: Capture, door: Door, now: datetime) -> Progress:
        """Records only for as long as `collect` holds the connection."""
        return Progress()

    def stop(self, capture: Capture, door: Door, now: datetime) -> Progress:
        return Progress()

    def collect(
        self,
        capture: Capture,
        door: Door,
        folder: Path,
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> Progress:
        host, place = host_of(capture), self._noted(capture)
        process = the_process(capture, door)
        if other := self._other(process, host, door, place):
            raise Passing(Code.TIMEOUT, f"{host}: pid {process.id.pid}: {place} {other}")
        had = {(artifact.kind, PurePosixPath(artifact.name).suffix) for artifact in capture.artifacts}
        recorded = [part for part in self._recorded(capture) if (part.kind, part.suffix) not in had]
        instant = [part for part in INSTANT if (part.kind, part.suffix) not in had]
        takes = Takes(door, host, place, self.path, folder)
        whole: list[bool] = []

        def take(file: Fetched) -> None:
            keep(file)
            whole.append(not file.fault)

        takes.all(recorded, instant, take, stopping)
        home = f"{sum(whole)} of {len(whole)} files came home whole from {place}"
        if not all(whole) and not lives(process, door.gate(host)):
            return Progress(f"{home}; the process ended while it was recording", notes={"lost": True})
        ended = [f"ended early after {takes.ended_after:.0f} s"] if takes.ended_after else []
        return Progress("; ".join([home, *ended, *(f"{kind} is {why}" for kind, why in takes.shorter.items())]))

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        whole = (Kind.CPU, *([Kind.TRACE] if self.trace else []), *(part.kind for part in INSTANT))
        return tuple(kind for kind in dict.fromkeys(whole) if kind not in have)

    def clean(self, capture: Capture, door: Door) -> Progress:
        return Progress("nothing was left on the host")

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
            raise Refusal(Code.COLLECT_FAILED, f"capture {capture.id} was begun without a port")
        return Place(str(noted["address"]), int(noted["port"]))

    def _find(self, process: Process, host: str, door: Door) -> Place | str:
        """Where this very process serves pprof; or a sentence that says what is there instead."""
        who = f"{host}: pid {process.id.pid} ({name_of(process)})"
        if not process.readable:
            raise refusal_to_see(who)
        gate = door.gate(host)
        ports = gate.ports(process.id.pid)
        places, beyond = places_of(ports, self.ports)
        others: dict[Place, str | Refusal] = {}
        for place in places:
            if not (other := self._asked(process, host, door, place)):
                return alone(gate, process, place, who)
            others[place] = other
        if not lives(process, gate):  # which also shows that it was not our connection that was silent
            raise Refusal(Code.PROCESS_EXITED, f"{who} has exited")
        if forbidden := next((other for other in others.values() if isinstance(other, Refusal)), None):
            raise forbidden
        said = [f"port {port} is bound to another network namespace's loopback, out of reach" for port in beyond]
        said += [f"{place} {other}" for place, other in others.items()]
        return f"{who} serves no {self.path}: {'; '.join(said) or listens_on(ports)}"

    def _asked(self, process: Process, host: str, door: Door, place: Place) -> str | Refusal:
        """As `_other`, but a place that sshd does not forward to is an answer too: permitopen may allow the next."""
        try:
            return self._other(process, host, door, place)
        except Refusal as refused:
            if refused.reason.code is not Code.NOT_PERMITTED:
                raise
            return refused

    def _other(self, process: Process, host: str, door: Door, place: Place) -> str:
        """What answers there instead of this very process, as the end of a sentence; "" when it is this one."""
        said = bytearray()
        try:
            with closing(door.tunnel(host, place.address, place.port)) as line:
                path = f"{self.path}/cmdline"
                reply = get(line, str(place), path, said.extend, limit=CMDLINE_LIMIT, patience=PROBE)
        except NotReached:
            return "takes no connection"
        if reply.fault or reply.status != 200:
            return reply.fault or f"answers {reply.status}"
        return "" if same_words(bytes(said), process.cmdline) else "answers for a process with another command line"


def the_process(capture: Capture, door: Door) -> Process:
    """The capture's process as it is now. Raises Refusal when it is gone or runs another program."""
    meant = process_of(capture)
    process = gate_of(capture, door).look(meant.pid)
    if process is None or process.id.life != meant.life:
        raise refusal(capture, "gone")
    if process.id != meant:
        raise refusal(capture, "replaced")
    return process


def lives(process: Process, gate: Gate) -> bool:
    return any(seen.id.life == process.id.life for seen in gate.process(process.id.pid))


def alone(gate: Gate, process: Process, place: Place, who: str) -> Place:
    """The place, if no other process of the same program takes connections from the same port: whose profile would come
    could not be told."""
    for seen in gate.listeners(place.port):
        if seen.id.life != process.id.life and seen.exe == process.exe:
            theirs, _ = places_of(gate.ports(seen.id.pid), (place.port,))
            if place in theirs:
                raise Refusal(
                    Code.NO_PROFILER, f"{who} shares {place} with pid {seen.id.pid}: who of them answers cannot be told"
                )
    return place


def listens_on(ports: Ports) -> str:
    numbers = ", ".join(str(port) for port in dict.fromkeys(port for _, port in ports.listening))
    return f"it listens on {numbers} only" if numbers else "it listens on no TCP port"


def same_words(answer: bytes, cmdline: tuple[str, ...]) -> bool:
    """Is that the command line that the gate told? What it makes of the kernel's bytes is made of Go's here."""
    seen = (answer + b"\0").translate(bytes.maketrans(b"\0\n", b"\1 "))[:CMDLINE_SEEN]
    return any(cmdline) and tuple(seen.decode("utf-8", "backslashreplace").rstrip("\1").split("\1")) == cmdline


def refusal_to_see(who: str) -> Refusal:
    return Refusal(
        Code.NOT_PERMITTED,
        f"{who} does not let this account see where it listens: log in as the service's user or as root, "
        "or set become: sudo",
    )


def name_of(process: Process) -> str:
    return PurePosixPath(process.exe).name or process.comm

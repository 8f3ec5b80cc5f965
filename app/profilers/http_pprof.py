"""Go's own net/http/pprof, asked through the SSH connection, on any port that the process listens on, loopback too.

Nothing is exposed, started or left on the host. A recording is a GET that takes as long. When its connection ends, Go's
handler stops profiling by itself, whoever died. When only our half of the connection ends, the handler stops and still
sends what it has; that is how a recording is ended early.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

from app.errors import Code, Refused, Retryable
from app.gate.answers import Process
from app.gate.pool import HostPool
from app.gate.recipes import MAPPED, Recipe
from app.model import Capture, Kind
from app.profilers.base import Fetched, Incoming, Profiler, Recording, StepResult
from app.profilers.checks import name_of
from app.profilers.code_names import named
from app.profilers.endpoint import EndpointSearch, lives, other_at
from app.profilers.goroutines import COUNTED, count_in, counted_soon
from app.profilers.origin import layout_of, prove_all
from app.profilers.part import Part, part_in_words
from app.profilers.places import PORTS_AT_MOST, Place
from app.profilers.refusals import refusal
from app.profilers.servers import Login, Server
from app.profilers.snapshots import FLIGHT, fresh, left_of, once_more
from app.profilers.takes import Takes

NAME = "http-pprof"
TRACE_AT_MOST = timedelta(seconds=10)  # it grows by megabytes a second
TRACE_LIMIT = 1 << 30  # bytes
PATH = re.compile(r"(/[A-Za-z0-9._~-]{1,64}){1,8}", re.ASCII)
COUNT_LASTS = timedelta(minutes=1)  # a recording that is made anew later has none
DUMP = "goroutine?debug=2"  # stops the process while it is written
GOROUTINES = "goroutines"  # in a capture's notes: how many there were at the beginning
NOTE = "http"  # in a capture's notes: {"address", "port"}, and "tls", "bare" as in Place

# The search for leaked goroutines, from Go 1.27 on, marks them in the dump (debug=2) that follows, and it collects the
# garbage, so that the heap is fresh.
INSTANT = (
    COUNTED,
    Part(Kind.GOROUTINELEAK, "goroutineleak", optional=True, listed=True),
    Part(Kind.GOROUTINE, DUMP, ".txt"),
    Part(Kind.GOROUTINE, "goroutine", ".pprof"),
    Part(Kind.HEAP, "heap"),
    Part(Kind.ALLOCS, "allocs"),
    Part(Kind.MUTEX, "mutex"),
    Part(Kind.BLOCK, "block"),
    Part(Kind.THREADCREATE, "threadcreate"),
)
OF_GO = frozenset(part.kind for part in INSTANT) - {Kind.HEAP, Kind.ALLOCS}


@dataclass(frozen=True, slots=True)
class HttpPprof(Profiler):
    """Asks a process for its profiles over HTTP.

    ports: the only ports to ask, of any program; empty for all that a Go program listens on
    path: the path at which pprof is served
    trace: fetch an execution trace as well, of 10 seconds at most
    flight_recorder: the path at which the program writes what its runtime/trace.FlightRecorder holds; "" for none
    gc: have the process collect its garbage before each heap profile, so that it is of that moment
    dump_below: every stack is written out (debug=2) only where there are fewer goroutines; they are counted before
    username, password_file: a login, if the server wants one
    token_file: a bearer token instead
    """

    ports: tuple[int, ...] = ()
    path: str = "/debug/pprof"
    trace: bool = False
    flight_recorder: str = ""
    gc: bool = False
    dump_below: int = 2000
    username: str = ""
    password_file: str = ""
    token_file: str = ""

    streams: ClassVar[bool] = True
    dumps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, path in (("path", self.path), ("flight_recorder", self.flight_recorder or self.path)):
            if not PATH.fullmatch(path):
                raise ValueError(f"{NAME}: {name}: no path such as /debug/pprof: {path[:80]!r}")
        if not all(0 < port < 65536 for port in self.ports):
            raise ValueError(f"{NAME}: ports: a port is a number from 1 to 65535")
        if len(self.ports) > PORTS_AT_MOST:
            raise ValueError(f"{NAME}: ports: {PORTS_AT_MOST} at most")
        if self.dump_below < 0:
            raise ValueError(f"{NAME}: dump_below: a number of goroutines, or 0 for never")
        half = bool(self.username) != bool(self.password_file)
        both = self.username and self.token_file
        if half or both or ":" in self.username:
            raise ValueError(f"{NAME}: a login is username (without a colon) and password_file, or token_file alone")

    def recipes(self) -> tuple[Recipe, ...]:
        return (
            (MAPPED,) if self.ports else ()
        )  # other programs than Go's, which are asked at these alone, may lack names

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        if not process.go_version and not self.ports:
            raise Refused(
                Code.NO_PROFILER,
                f"{host}: pid {process.id.pid} ({name_of(process)}) is no Go program, and HTTP is not sent to "
                f"a stranger's port: if it serves {self.path} all the same, name the port "
                f"({{kind: {NAME}, ports: [6060]}})",
            )
        found = self._search(process, host, pool).find(self.ports)
        if isinstance(found, str):
            raise Refused(Code.NO_PROFILER, found)
        return NAME

    def may_have_begun(self, recording: Recording) -> bool:
        return False

    def start(self, recording: Recording) -> StepResult:
        process = current_process(recording)
        found = self._search(process, recording.host, recording.pool).find(self.ports)
        if isinstance(found, str):  # it was there a moment ago: it may be too busy to answer
            raise Retryable(Code.TIMEOUT, found)
        note: dict[str, Any] = {"address": found.address, "port": found.port}
        note |= {name: True for name in ("tls", "bare") if getattr(found, name)}
        return StepResult(f"it serves {self.path} at {found}", notes={NOTE: note})

    def watch(self, recording: Recording) -> StepResult:
        """Finished at once: the recording lasts only as long as `collect` holds the connection."""
        return StepResult()

    def stop(self, recording: Recording) -> StepResult:
        return StepResult()

    def dump(self, recording: Recording, incoming: Incoming) -> StepResult:
        """The goroutines, counted. Of a server that tells nothing of itself it comes with the rest, which is proven."""
        process, gate = current_process(recording), recording.gate()
        server = self._server(recording.pool, recording.host, self._place(recording.capture))
        if server.place.bare or other_at(server, process, layout_of(process, gate), gate):
            return StepResult()
        if (counted := counted_soon(server, incoming.folder)) is None:
            return StepResult()
        incoming.keep(counted)
        count = count_in(counted.path)
        said = f"{count} goroutines were counted" if count is not None else "what it says of its goroutines is home"
        return StepResult(said, notes={} if count is None else {GOROUTINES: count})

    def collect(self, recording: Recording, incoming: Incoming) -> StepResult:
        capture, process = recording.capture, current_process(recording)
        server = self._server(recording.pool, recording.host, self._place(capture))
        layout = layout_of(process, recording.pool.gate(recording.host))
        if other := other_at(server, process, layout, recording.pool.gate(recording.host)):
            raise Retryable(Code.TIMEOUT, f"{recording.host}: pid {process.id.pid}: {server.place} {other}")
        parts = self._instant(process)
        recorded = left_of(self._recorded(capture, process), capture.artifacts)
        instant, after = (left_of(each, capture.artifacts) for each in (parts, once_more(parts)))
        counted = capture.notes.get(GOROUTINES) if recording.time_left(COUNT_LASTS) > timedelta(0) else None
        takes = Takes(server, incoming.folder, counted)
        fetched: list[Fetched] = []

        def keep(file: Fetched) -> None:
            incoming.keep(named(recording, process, file))
            fetched.append(file)

        takes.all(
            recorded, instant, keep, incoming.stopping, after=after, before=left_of(self._held(), capture.artifacts)
        )
        prove_all(server, process, layout, fetched)
        return self._result(server, process, fetched, takes)

    def _result(self, server: Server, process: Process, fetched: Sequence[Fetched], takes: Takes) -> StepResult:
        whole = sum(not file.fault for file in fetched)
        message = f"{whole} of {len(fetched)} files came home whole from {server.place}"
        if whole < len(fetched) and not lives(process, server.pool.gate(server.host)):
            return StepResult(f"{message}; the process ended while it was recording", notes={"lost": True})
        ended = [f"ended early after {takes.ended_after:.0f} s"] if takes.ended_after else []
        shorter = [f"{kind} is {why}" for kind, why in takes.shorter.items()]
        heaps = [f"{name} {said}" for name, said in takes.heaps.items()]
        total = takes.census.total
        many = total is not None and total >= self.dump_below
        undumped = [f"not every stack was written out, since it has {total} goroutines"] if many else []
        return StepResult("; ".join([message, *ended, *shorter, *heaps, *undumped]))

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        """None where a recording came home and no profile that only Go has: the program is no Go program then. What a
        Go program was asked for is an artifact, and a fault if it is not whole."""
        if Kind.CPU in have and not have & OF_GO:
            return ()
        snapshots = (part.kind for part in INSTANT if not part.optional)
        complete = (Kind.CPU, *([Kind.TRACE] if self.trace else []), *snapshots)
        return tuple(kind for kind in dict.fromkeys(complete) if kind not in have)

    def clean(self, recording: Recording) -> StepResult:
        return StepResult("nothing was left on the host")

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        ports = "|".join(map(str, self.ports)) or f"PORT, each that pid {process.id.pid} listens on:"
        place = str(self._place(capture)) if NOTE in capture.notes else f"ADDRESS:{ports}"
        parts = self._instant(process)
        again = {part.query for part in once_more(parts)}
        shown = [part_in_words(part, twice=part.query in again) for part in (*self._recorded(capture, process), *parts)]
        held = [part.query for part in self._held()]
        paths = (f"{self.path}/cmdline", *held, *(f"{self.path}/{query}" for query in shown))
        return tuple(f"GET {place} {path}" for path in paths)

    def _recorded(self, capture: Capture, process: Process) -> tuple[Part, ...]:
        """The parts that take time. In whole seconds: Go takes no others, and makes 30 of 0."""
        seconds = max(round(capture.duration.total_seconds()), 1)
        traced = min(seconds, round(TRACE_AT_MOST.total_seconds()))
        cpu = Part(Kind.CPU, f"profile?seconds={seconds}", seconds=seconds)
        trace = Part(Kind.TRACE, f"trace?seconds={traced}", ".trace", limit=TRACE_LIMIT, seconds=traced)
        return (cpu, replace(trace, optional=not process.go_version)) if self.trace else (cpu,)

    def _held(self) -> tuple[Part, ...]:
        """What the process has recorded already, of the seconds before: it is requested first."""
        return (Part(Kind.TRACE, self.flight_recorder, FLIGHT, limit=TRACE_LIMIT),) if self.flight_recorder else ()

    def _instant(self, process: Process) -> tuple[Part, ...]:
        """The parts that need no time. Other programs than Go's have few of them."""
        parts = tuple(replace(part, below=self.dump_below) if part.query == DUMP else part for part in INSTANT)
        parts = parts if self.dump_below else tuple(part for part in parts if part.query != DUMP)
        if not process.go_version:
            return tuple(replace(part, optional=True) for part in parts)
        return fresh(parts) if self.gc else parts

    def _place(self, capture: Capture) -> Place:
        """Where `start` found the server. Raises Refused for a capture that has not noted it."""
        note: dict[str, Any] | None = capture.notes.get(NOTE)
        if note is None:
            raise Refused(Code.COLLECT_FAILED, f"capture {capture.id} was begun without a port")
        return Place(str(note["address"]), int(note["port"]), "tls" in note, "bare" in note)

    def _search(self, process: Process, host: str, pool: HostPool) -> EndpointSearch:
        return EndpointSearch(process, host, pool.gate(host), lambda place: self._server(pool, host, place), self.path)

    def _server(self, pool: HostPool, host: str, place: Place) -> Server:
        return Server(pool, host, place, self.path, Login(self.username, self.password_file, self.token_file))


def current_process(recording: Recording) -> Process:
    """The capture's process as it is now. Raises Refused if it is gone or runs another program."""
    meant = recording.process
    process = recording.gate().look(meant.pid)
    if process is None or process.id.key != meant.key:
        raise refusal(recording.capture, "gone")
    if process.id != meant:
        raise refusal(recording.capture, "replaced")
    return process

"""The address and port at which a process serves /debug/pprof. Called by http_pprof.py.

Each place at which the process may be reached is asked. An answer counts only if it provably comes from this process.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.facts import Layout, Ports
from app.hosts.http import Deadlines
from app.profilers import without_cmdline
from app.profilers.checks import name_of
from app.profilers.origin import layout_of, prove
from app.profilers.places import Place, places_of
from app.profilers.servers import SPEAKS_TLS, Server
from app.profilers.without_cmdline import NOT_SERVED

PROBE = Deadlines(first=10, silence=10, whole=20)  # seconds


@dataclass(frozen=True, slots=True)
class EndpointSearch:
    """The search for one process's endpoint.

    host: as messages name it
    server_at: the server of a place
    path: the path at which pprof is served
    """

    process: Process
    host: str
    gate: Gate
    server_at: Callable[[Place], Server]
    path: str

    @property
    def subject(self) -> str:
        return f"{self.host}: pid {self.process.id.pid} ({name_of(self.process)})"

    def find(self, wanted: tuple[int, ...]) -> Place | str:
        """Where the process serves pprof, or a sentence that says what is there instead.

        wanted: the only ports to ask; empty for all on which the process listens. Raises Refused if this account may
        not look, or if the process has exited."""
        if not self.process.readable:
            raise Refused(
                Code.NOT_PERMITTED,
                f"{self.subject} does not let this account see where it listens: log in as the service's user or as "
                "root, or set become: sudo",
            )
        ports = self.gate.ports(self.process.id.pid)
        layout = layout_of(self.process, self.gate)
        places, unreachable = places_of(ports, wanted)
        others: dict[Place, str | Refused] = {}
        for bare in places:
            place, other = self._ask(bare, layout)
            if other == NOT_SERVED and wanted and not self.process.go_version:
                place = place._replace(bare=True)
                other = self._ask_once(place, layout)
            if not other:
                self._refuse_shared(place)
                return place
            others[place] = other
        if not lives(self.process, self.gate):  # the gate answers, so our connection was not what kept silent
            raise Refused(Code.PROCESS_EXITED, f"{self.subject} has exited")
        if forbidden := next((other for other in others.values() if isinstance(other, Refused)), None):
            raise forbidden
        return self._in_words(ports, unreachable, others)

    def _ask(self, bare: Place, layout: Layout) -> tuple[Place, str | Refused]:
        """The place, over TLS if it speaks TLS, and what answers there instead of the process."""
        other = self._ask_once(bare, layout)
        if other != SPEAKS_TLS:
            return bare, other
        place = bare._replace(tls=True)
        return place, self._ask_once(place, layout)

    def _ask_once(self, place: Place, layout: Layout) -> str | Refused:
        """What answers there instead of the process; "" if it is the process.

        A refusal is not the end if sshd does not forward to the place or another process answers there: `permitopen`
        may allow the next place, and the process may be the one that answers there."""
        server = self.server_at(place)
        try:
            other = other_at(server, self.process, layout, self.gate)
            if not other and not place.bare:
                prove(server, self.process, layout, PROBE)
        except Refused as refused:
            if refused.reason.code not in (Code.NOT_PERMITTED, Code.EVIDENCE_CONFLICT):
                raise
            return refused
        return other

    def _refuse_shared(self, place: Place) -> None:
        """Raises Refused if another process of the same program takes connections from the same port: nobody could tell
        which of the two a profile comes from."""
        for seen in self.gate.listeners(place.port):
            if seen.id.key == self.process.id.key or seen.exe != self.process.exe:
                continue
            theirs, _ = places_of(self.gate.ports(seen.id.pid), (place.port,))
            if place._replace(tls=False, bare=False) in theirs:
                said = f"{self.subject} shares {place} with pid {seen.id.pid}: who of them answers cannot be told"
                raise Refused(Code.NO_PROFILER, said)

    def _in_words(self, ports: Ports, unreachable: tuple[int, ...], others: dict[Place, str | Refused]) -> str:
        said = [f"port {port} is bound to another network namespace's loopback, out of reach" for port in unreachable]
        said += [f"{place} {other}" for place, other in others.items()]
        if any("answers 404" in each for each in said):
            said.append("if it does under another path, name that (path)")
        return f"{self.subject} serves no {self.path}: {'; '.join(said) or listens_on(ports)}"


def other_at(server: Server, process: Process, layout: Layout, gate: Gate) -> str:
    """What answers there instead of the process, as the end of a sentence; "" if it is the process.

    Raises Refused if the server does not tell its command line, and nothing else shows that it is the process's."""
    if server.place.bare:
        return without_cmdline.other(server, process, layout, gate)
    return server.other(process, PROBE)


def lives(process: Process, gate: Gate) -> bool:
    """Whether the process still runs."""
    return any(seen.id.key == process.id.key for seen in gate.process(process.id.pid))


def listens_on(ports: Ports) -> str:
    """The ports on which a process listens, as the end of a sentence."""
    numbers = ", ".join(str(port) for port in dict.fromkeys(port for _, port in ports.listening))
    return f"it listens on {numbers} only" if numbers else "it listens on no TCP port"

"""Stand-ins for hosts that are not contacted: which host would be asked, and may it be?"""

from collections.abc import Callable
from threading import Lock

from app.errors import AlertprofError, Code, Refused
from app.explain.explanation import Line, Mark
from app.explain.report import Report
from app.explain.wording import way_to
from app.gate.client import Gate
from app.gate.facts import Named
from app.hosts.route import Route
from app.redaction import BUILT_IN


class UnaskedHosts:
    """Stands in for the host pool. It contacts nothing, and notes which hosts a resolver wanted to ask.

    route: Connector.route.
    """

    def __init__(self, route: Callable[[str], Route]) -> None:
        self._route = route
        self._wanted: list[Line] = []

    def gate(self, host: str, _pid: int = 0) -> Gate:
        """A gate that finds nothing. Raises as Connector.route for a host that may not be contacted."""
        try:
            route = self._route(host)
        except AlertprofError as fault:
            self._wanted.append(Line(f"not there: {fault.reason.message}"))
            raise
        self._wanted.append(Line(f"{route.host} may be contacted: {way_to(route)}", Mark.OK))
        return UnaskedGate(route.host)

    def report(self, report: Report) -> None:
        """Adds a line for each host that was wanted."""
        for line in dict.fromkeys(self._wanted):
            report.add(line)


class UnaskedGate(Gate):
    """The gate of a host that is not contacted. It finds nothing, and sends nothing."""

    def __init__(self, host: str) -> None:
        self.host, self.boot, self.user, self.lost = host, "", "", False
        self._lock, self._timeout, self._redaction = Lock(), 0.0, BUILT_IN

    def named(self) -> tuple[Named, ...]:
        """One process that nobody asks for: a host without any would be one that hides its names."""
        return (Named("", "", "", {}),)

    def _ask(self, verb: str, *words: str, timeout: float | None = None) -> tuple[str, list[tuple[str, str]]]:
        return "unasked", []

    def close(self) -> None:
        """There is nothing to close."""

    def _send(self, verb: str, *words: str) -> int:
        raise Refused(Code.NOT_PERMITTED, f"{self.host}: nothing is sent there")

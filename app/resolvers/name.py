"""The process with an exact name: the path of its executable, the executable's file name, its command name, or the name
that it was started by (process-exporter's ExeFull and ExeBase).

A part of the command line is never compared: `sh -c "./order-mq -f etc.yaml"` contains the name of the service that it
wraps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.gate.facts import Seen
from app.resolvers.base import Candidates, Reach, Resolver, gate_for, hosts_of, shown
from app.resolvers.starters import started_by
from app.resolvers.words import attribute, meant


@dataclass(frozen=True, slots=True)
class Name(Resolver):
    """Resolves alerts with a host and a process's name.

    label: the label that holds the name; by default `process`, process-exporter's `groupname`, or OpenTelemetry's
        `process_executable_…`
    """

    label: str = ""

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        hosts, name = hosts_of(labels), self._name(labels)
        if not hosts or not name:
            return None
        gate = gate_for(hosts, reach)
        processes = gate.processes()
        called = tuple(each for each in processes if is_called(each, name))
        return started_by(gate, processes, Candidates(gate.host, called, f"called {shown(name)!r}"))

    def _name(self, labels: Mapping[str, str]) -> str:
        if self.label:
            return labels.get(self.label, "")
        said = labels.get("process") or meant(labels, "groupname") or attribute(labels, "process")
        return said if said.strip("./") else ""


def is_called(process: Seen, name: str) -> bool:
    """Whether a process has this name."""
    full = (process.exe, process.argv0)
    return name in (*full, *(PurePosixPath(each).name for each in full), process.comm)

"""The process by exact name: the path of its executable, the executable's file name, its command name, or what it was
started as, which is what process-exporter's ExeFull and ExeBase are.

Never a part of a command line: `sh -c "./order-mq -f etc.yaml"` contains the name of the service that it wraps.
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
    # the label that holds the name; by default `process`, `groupname` of process-exporter, `process_executable_…` of
    # OpenTelemetry
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
    full = (process.exe, process.argv0)
    return name in (*full, *(PurePosixPath(each).name for each in full), process.comm)

"""A host and `pid`: the labels say it all. OpenTelemetry's `process_pid` is counted where the process is, which may be
a container: there its number is another, and what else is said of it has to fit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refused
from app.resolvers.base import Candidates, Reach, Resolver, gate_for, hosts_of, shown
from app.resolvers.name import is_called
from app.resolvers.words import attribute, meant


@dataclass(frozen=True, slots=True)
class Labels(Resolver):
    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        hosts, pid, told = hosts_of(labels), labels.get("pid", ""), attribute(labels, "namespaced_pid")
        if not hosts or not (pid or told):
            return None
        if pid:
            gate = gate_for(hosts, reach)
            return Candidates(gate.host, gate.process(number_of("pid", pid)), f"pid {pid}")
        if meant(labels, "container_id") or meant(labels, "pod"):
            return None
        return self._told(labels, number_of("process_pid", told, least=1), hosts, reach)

    def _told(self, labels: Mapping[str, str], pid: int, hosts: tuple[str, ...], reach: Reach) -> Candidates:
        gate, name = gate_for(hosts, reach), attribute(labels, "process")
        fitting = (each for each in gate.processes() if pid in (each.id.pid, each.inner) and each.id.pid != 1)
        found = tuple(each for each in fitting if not name or is_called(each, name))
        return Candidates(gate.host, found, f"with the number {pid}{f' and called {shown(name)}' if name else ''}")


def number_of(label: str, said: str, least: int = 2) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,6}", said, re.ASCII) or int(said) < least:
        raise Refused(Code.PROCESS_NOT_FOUND, f"the label {label}={said[:40]!r} is no process number of a service")
    return int(said)

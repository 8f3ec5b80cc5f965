"""The process whose pid the labels name.

The label `pid` is the pid on the host. OpenTelemetry's `process_pid` is the pid as the process sees it, which is
another one inside a container; so it is compared with both, and the process's name has to fit if the labels have one.
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
    """Resolves alerts with a host and a pid. It has no options."""

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        hosts, pid = hosts_of(labels), labels.get("pid", "")
        own_pid = attribute(labels, "namespaced_pid")
        if not hosts or not (pid or own_pid):
            return None
        if pid:
            number = number_of("pid", pid)
            gate = gate_for(hosts, reach, number)
            return Candidates(gate.host, gate.process(number), f"pid {pid}")
        if meant(labels, "container_id") or meant(labels, "pod"):
            return None
        return self._by_own_pid(labels, number_of("process_pid", own_pid, least=1), hosts, reach)

    def _by_own_pid(self, labels: Mapping[str, str], pid: int, hosts: tuple[str, ...], reach: Reach) -> Candidates:
        gate, name = gate_for(hosts, reach), attribute(labels, "process")
        fitting = (each for each in gate.processes() if pid in (each.id.pid, each.inner) and each.id.pid != 1)
        found = tuple(each for each in fitting if not name or is_called(each, name))
        called = f" and called {shown(name)}" if name else ""
        return Candidates(gate.host, found, f"with the number {pid}{called}")


def number_of(label: str, said: str, least: int = 2) -> int:
    """The pid that a label names. Raises Refused if it is none, or less than `least`."""
    if not re.fullmatch(r"[1-9][0-9]{0,6}", said, re.ASCII) or int(said) < least:
        raise Refused(Code.PROCESS_NOT_FOUND, f"the label {label}={said[:40]!r} is no process number of a service")
    return int(said)

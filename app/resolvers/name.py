"""The process by exact name: the path of its executable, the executable's file name, or its command name.

Never a part of a command line: `sh -c "./order-mq -f etc.yaml"` contains the name of the service that it wraps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.hosts.facts import Seen
from app.resolvers.base import Found, Reach, Resolver, gate_for, hosts_of


@dataclass(frozen=True, slots=True)
class Name(Resolver):
    label: str = ""  # the label that holds the name; by default `process`, then process-exporter's `groupname`

    def find(self, labels: Mapping[str, str], reach: Reach) -> Found | None:
        hosts = hosts_of(labels)
        name = labels.get(self.label, "") if self.label else labels.get("process") or labels.get("groupname", "")
        if not hosts or not name:
            return None
        gate = gate_for(hosts, reach)
        return Found(gate.host, tuple(p for p in gate.processes() if is_called(p, name)), f"called {name!r}")


def is_called(process: Seen, name: str) -> bool:
    return name in (process.exe, PurePosixPath(process.exe).name, process.comm)

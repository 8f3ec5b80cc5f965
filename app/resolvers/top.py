"""The process that uses most of a host, for alerts about the host as a whole (node_exporter's).

The first one that can be profiled is taken. The capture names those that use more and cannot be profiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.resolvers.base import Candidates, Reach, Resolver, gate_for, hosts_of
from app.resolvers.loads import By, ranked


@dataclass(frozen=True, slots=True)
class Top(Resolver):
    """Resolves every alert with a host.

    by: cpu or memory
    """

    by: By = "cpu"

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        hosts = hosts_of(labels)
        if not hosts:
            return None
        gate = gate_for(hosts, reach)
        busiest = ranked(gate, self.by)
        what = "processor time" if self.by == "cpu" else "memory"
        first = f", the biggest consumer being {busiest[0][0]} with {busiest[0][1]}" if busiest else ""
        return Candidates(gate.host, tuple(seen for seen, _ in busiest), f"using most {what}{first}", ranked=True)

"""The main process of a systemd unit, from node_exporter's and systemd_exporter's `name="x.service"`.

A unit is a cgroup: `/system.slice/x.service`, `/system.slice/system-x.slice/x@1.service`, and for a user's own units
`…/user@1000.service/app.slice/x.service`. A unit of that name inside a container is another one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refused
from app.gate.facts import Seen
from app.resolvers.base import Candidates, Reach, Resolver, gate_for, hosts_of
from app.resolvers.families import mains
from app.resolvers.starters import started_by
from app.resolvers.words import meant

UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,240}\.(service|scope)", re.ASCII)
OTHER_TYPES = (".socket", ".timer", ".mount", ".automount", ".target", ".path", ".slice", ".swap", ".device")
OF_SYSTEM = r"(?:/[^/]+\.slice)*"
OF_USER = rf"{OF_SYSTEM}/user@[0-9]+\.service{OF_SYSTEM}"


@dataclass(frozen=True, slots=True)
class Systemd(Resolver):
    """Resolves alerts with a host and a unit.

    label: the label that holds the unit's name; by default `name`, then `unit`
    """

    label: str = ""

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        hosts, unit = hosts_of(labels), self._unit(labels)
        if not hosts or not unit:
            return None
        if not UNIT.fullmatch(unit):
            raise Refused(Code.PROCESS_NOT_FOUND, f"the unit {unit[:80]!r} is no service: it has no process of its own")
        gate = gate_for(hosts, reach)
        processes = gate.processes()
        candidates = Candidates(gate.host, main_processes(processes, unit), f"the main process of {unit}")
        return started_by(gate, processes, candidates)

    def _unit(self, labels: Mapping[str, str]) -> str | None:
        said = [labels.get(self.label, "")] if self.label else [meant(labels, "name"), meant(labels, "unit")]
        return next((name for name in said if name.endswith((".service", ".scope", *OTHER_TYPES))), None)


def main_processes(processes: tuple[Seen, ...], unit: str) -> tuple[Seen, ...]:
    """The main processes of the system's unit, or of users' units with that name if the system has none."""
    for where in (OF_SYSTEM, OF_USER):
        path = re.compile(rf"{where}/{re.escape(unit)}(?:/.*)?")
        if group := [seen for seen in processes if any(path.fullmatch(each) for each in seen.groups)]:
            return mains(group)
    return ()

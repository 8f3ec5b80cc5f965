"""A host (`host`, `instance` or `node`) and `pid`: the labels say it all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refusal
from app.resolvers.base import Found, Reach, Resolver, gate_for, hosts_of


@dataclass(frozen=True, slots=True)
class Labels(Resolver):
    def find(self, labels: Mapping[str, str], reach: Reach) -> Found | None:
        hosts, pid = hosts_of(labels), labels.get("pid", "")
        if not hosts or not pid:
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,6}", pid, re.ASCII) or pid == "1":
            raise Refusal(Code.PROCESS_NOT_FOUND, f"the label pid={pid[:40]!r} is no process number of a service")
        gate = gate_for(hosts, reach)
        return Found(gate.host, gate.process(int(pid)), f"pid {pid}")

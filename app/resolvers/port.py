"""The process that listens on the port of `instance`: it is the one whose /metrics Prometheus scraped."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refusal
from app.resolvers.base import Found, Reach, Resolver, split_instance


@dataclass(frozen=True, slots=True)
class Port(Resolver):
    def find(self, labels: Mapping[str, str], reach: Reach) -> Found | None:
        address, port = split_instance(labels.get("instance", ""))
        host = labels.get("host") or address
        if not host or not port:
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,4}", port, re.ASCII) or int(port) > 65535:
            raise Refusal(Code.PROCESS_NOT_FOUND, f"the label instance names no port: {port[:40]!r}")
        gate = reach(host)
        return Found(gate.host, gate.listeners(int(port)), f"listening on port {port}")

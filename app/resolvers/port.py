"""The process that listens on the port of `instance`: it is the one whose /metrics Prometheus scraped.

In a container it listens in a network namespace of its own, on one of that namespace's addresses. An exporter that
speaks about others, or Docker's proxy before a container, is not what an alert is about. Nobody has a list of all
exporters: what it is called, the job and the alert's labels tell; where they do not, the rule does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refused
from app.gate.client import Gate
from app.gate.facts import Seen
from app.hosts.names import address
from app.resolvers.base import Candidates, Reach, Resolver, gate_for, hosts_of, place_of, shown
from app.resolvers.families import name_of

# Who speaks about others calls itself so, or is one of these.
EXPORTER = re.compile("exporter(?![a-z0-9])")
EXPORTERS = frozenset({"cadvisor", "kube-state-metrics", "kubelet", "pushgateway", "prometheus-pushgateway"})
JOBS = frozenset({"node", "cadvisor", "kubelet", "kube-state-metrics", "pushgateway"})
# A program of one's own has neither file systems nor network interfaces, and no database in another program.
OF_OTHERS = ("exported_job", "mountpoint", "fstype", "ifName", "ifDescr", "ifAlias", "datname")
PROXY = "docker-proxy"


@dataclass(frozen=True, slots=True)
class Port(Resolver):
    exporters: bool = False  # an exporter that speaks about others may itself be meant

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        at, port = place_of(labels)
        hosts = hosts_of(labels)
        if not hosts or not port:
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,4}", port, re.ASCII) or int(port) > 65535:
            raise Refused(Code.PROCESS_NOT_FOUND, f"the label instance names no port: {port[:40]!r}")
        gate = gate_for(hosts, reach)
        listening = here_or_at(gate, int(port), at or "")
        if listening and len({name_of(seen) for seen in listening}) == 1 and not self.exporters:
            meant_itself(gate.host, int(port), listening[0], labels)
        return Candidates(gate.host, listening, f"listening on port {port}")


def here_or_at(gate: Gate, port: int, at: str) -> tuple[Seen, ...]:
    """Who listens on the host itself, where `at` may be one of its addresses; else whoever does at that address in
    another network namespace."""
    found, wanted = gate.listeners(port), one_form(at.partition("%")[0])
    here = tuple(seen for seen in found if not seen.addresses)
    there = tuple(seen for seen in found if wanted in seen.addresses)
    mine = address(at) is None or loopback(wanted) or wanted in gate.addresses()
    chosen = there if there and not mine else here if mine or wanted == gate.host else ()
    if found and not chosen:
        listed = ", ".join(f"{seen} at {seen.addresses[0] if seen.addresses else gate.host}" for seen in found[:10])
        raise Refused(
            Code.PROCESS_NOT_FOUND,
            f"{gate.host}: nothing listens on port {port} but inside containers, or at other addresses than {at}: "
            f"{listed}. Name the container (cAdvisor's id, or pod and node)",
        )
    chosen = tuple(seen for seen in chosen if seen.id.pid != 1) or chosen  # systemd's, for socket activation
    if chosen and all(name_of(seen) == PROXY for seen in chosen):
        return beyond(gate, chosen, wanted) or chosen
    return chosen


def beyond(gate: Gate, proxies: tuple[Seen, ...], at: str) -> tuple[Seen, ...]:
    """The process in the container to which Docker's proxies pass a published port on, as their arguments say: there is
    one for each address that it is published at, such as 0.0.0.0 and ::."""
    said = [words for seen in proxies if (words := arguments(gate, seen))]
    said = [words for words in said if one_form(words.get("-host-ip", "")) == at] or said
    goals = {(one_form(words.get("-container-ip", "")), words.get("-container-port", "")) for words in said}
    return tuple(
        dict.fromkeys(
            seen
            for ip, port in sorted(goals)
            if re.fullmatch(r"[1-9][0-9]{0,4}", port, re.ASCII) and int(port) <= 65535
            for seen in gate.listeners(int(port))
            if ip in seen.addresses
        )
    )


def arguments(gate: Gate, seen: Seen) -> dict[str, str]:
    """`-container-ip 172.17.0.2 …`: each word and the one that follows it."""
    process = gate.look(seen.id.pid)
    return dict(zip(process.cmdline, process.cmdline[1:], strict=False)) if process else {}


def one_form(at: str) -> str:
    """An address as the gate's facts write it, anything else as it is."""
    return str(address(at) or at)


def loopback(at: str) -> bool:
    """Each machine's own, so that the one which was asked is meant."""
    found = address(at)
    return found is not None and (found.is_loopback or found.is_unspecified)


def meant_itself(host: str, port: int, seen: Seen, labels: Mapping[str, str]) -> None:
    """Raises Refusal for one that only speaks about others."""
    if why := of_others(seen, labels):
        raise Refused(
            Code.PROCESS_NOT_FOUND,
            f"{host}: {seen} listens on port {port}, and the alert is about what it watches, not about itself ({why}). "
            "For the host's biggest consumer give the rule resolvers: [{kind: top}]; if it is itself meant, "
            "[{kind: port, exporters: true}]",
        )
    if name_of(seen) == PROXY:
        raise Refused(
            Code.PROCESS_NOT_FOUND,
            f"{host}: {seen} only passes port {port} on into a container whose process cannot be seen: name the "
            "container (cAdvisor's id), or set become: sudo",
        )


def of_others(seen: Seen, labels: Mapping[str, str]) -> str:
    """What says that a listener speaks about others; "" where nothing does."""
    name, job = name_of(seen).lower(), labels.get("job", "")
    if EXPORTER.search(name) or name in EXPORTERS:
        return "an exporter by its name"
    probed = "://" in labels.get("instance", "")  # what was probed listens there, and the job is the prober's
    if not probed and (EXPORTER.search(job.lower()) or job.lower() in JOBS):
        return f"an exporter by job={shown(job, 60)}"
    label = next((label for label in OF_OTHERS if labels.get(label)), "")
    return f"it has the label {label}={shown(labels[label], 60)}" if label else ""

"""The process that listens on the port of `instance`, whose /metrics Prometheus scraped.

In a container it listens in a network namespace of its own, on one of that namespace's addresses. An alert is not about
an exporter that reports on others, nor about Docker's proxy in front of a container. There is no list of all exporters:
they are recognised by their name, the job and the alert's labels, and otherwise by the rule's option.
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

# The names and jobs of exporters that report on others.
EXPORTER = re.compile("exporter(?![a-z0-9])")
EXPORTERS = frozenset({"cadvisor", "kube-state-metrics", "kubelet", "pushgateway", "prometheus-pushgateway"})
JOBS = frozenset({"node", "cadvisor", "kubelet", "kube-state-metrics", "pushgateway"})
# Labels of metrics about something else: a service has no file systems, interfaces, or databases in another program.
OF_OTHERS = ("exported_job", "mountpoint", "fstype", "ifName", "ifDescr", "ifAlias", "datname")
PROXY = "docker-proxy"


@dataclass(frozen=True, slots=True)
class Port(Resolver):
    """Resolves alerts with a port in `instance`.

    exporters: whether an exporter that reports on others may itself be meant
    """

    exporters: bool = False

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        at, port = place_of(labels)
        hosts = hosts_of(labels)
        if not hosts or not port:
            return None
        if not is_port(port):
            raise Refused(Code.PROCESS_NOT_FOUND, f"the label instance names no port: {port[:40]!r}")
        gate = gate_for(hosts, reach)
        listening = here_or_at(gate, int(port), at or "")
        if listening and len({name_of(seen) for seen in listening}) == 1 and not self.exporters:
            refuse_reporter(gate.host, int(port), listening[0], labels)
        return Candidates(gate.host, listening, f"listening on port {port}")


def here_or_at(gate: Gate, port: int, at: str) -> tuple[Seen, ...]:
    """The processes that listen on the host itself, if `at` is one of its addresses; otherwise those that listen at
    that address in another network namespace. Raises Refused if others do."""
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
    """The process in a container to which Docker's proxies forward a published port, as their arguments say. There is
    one proxy for each address at which the port is published, such as 0.0.0.0 and ::."""
    called = [words for words in (arguments(gate, seen) for seen in proxies) if words]
    called = [words for words in called if one_form(words.get("-host-ip", "")) == at] or called
    goals = {(one_form(words.get("-container-ip", "")), words.get("-container-port", "")) for words in called}
    found: dict[Seen, None] = {}
    for ip, port in sorted(goals):
        if is_port(port):
            found |= dict.fromkeys(seen for seen in gate.listeners(int(port)) if ip in seen.addresses)
    return tuple(found)


def is_port(text: str) -> bool:
    """Whether the text is the number of a port."""
    return bool(re.fullmatch(r"[1-9][0-9]{0,4}", text, re.ASCII)) and int(text) <= 65535


def arguments(gate: Gate, seen: Seen) -> dict[str, str]:
    """The words of a command line such as `-container-ip 172.17.0.2 …`, each with the word that follows it."""
    process = gate.look(seen.id.pid)
    return dict(zip(process.cmdline, process.cmdline[1:], strict=False)) if process else {}


def one_form(at: str) -> str:
    """An address in the gate's spelling; any other text unchanged."""
    return str(address(at) or at)


def loopback(at: str) -> bool:
    """Whether it is an address that means the machine itself."""
    found = address(at)
    return found is not None and (found.is_loopback or found.is_unspecified)


def refuse_reporter(host: str, port: int, seen: Seen, labels: Mapping[str, str]) -> None:
    """Raises Refused for a process that only reports on others, or only forwards to them."""
    if why := reports_because(seen, labels):
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


def reports_because(seen: Seen, labels: Mapping[str, str]) -> str:
    """The evidence that a listener reports on others; "" if there is none."""
    name, job = name_of(seen).lower(), labels.get("job", "")
    if EXPORTER.search(name) or name in EXPORTERS:
        return "an exporter by its name"
    probed = "://" in labels.get("instance", "")  # the probed service listens there; the job is the prober's
    if not probed and (EXPORTER.search(job.lower()) or job.lower() in JOBS):
        return f"an exporter by job={shown(job, 60)}"
    label = next((label for label in OF_OTHERS if labels.get(label)), "")
    return f"it has the label {label}={shown(labels[label], 60)}" if label else ""

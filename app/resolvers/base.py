"""Which process does an alert speak of? The rule's resolvers are asked in turn; the first that feels addressed answers.

A resolver reads labels, asks the host's gate for facts and chooses among them here, in plain functions: no label ever
becomes part of a command. Called by search.py.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import Code, Refused
from app.gate.client import Gate
from app.gate.facts import Seen
from app.hosts.names import relative
from app.resolvers.words import attribute, meant

Reach = Callable[[str], Gate]

ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PORTS = {"http": "80", "https": "443"}
HOST_LABELS = ("host", "host_name", "instance", "node", "nodename", "hostname")
NO_HOSTS = (Code.HOST_NOT_ALLOWED, Code.HOST_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The host that was asked (as its gate spells it: limits count by that) and every process there that fits; `how`
    says in words what was looked for. `ranked`: the first of them that can be profiled is meant. `labels`: what it was
    found by, and `by` the kind of the resolver; search.py puts them in."""

    host: str
    processes: tuple[Seen, ...]
    how: str
    ranked: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Enriched:
    """Not yet a process: what else is known about these labels, for the resolvers that come after."""

    labels: Mapping[str, str]
    how: str


class Resolver(ABC):
    """One way from labels to a process. Subclasses are frozen dataclasses whose fields are their YAML options."""

    @abstractmethod
    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | Enriched | None:
        """None: these labels do not speak to me. Raises Refusal for labels that do but make no sense."""


def host_of(labels: Mapping[str, str]) -> str | None:
    """The first host that labels name."""
    return next(iter(hosts_of(labels)), None)


def hosts_of(labels: Mapping[str, str], order: tuple[str, ...] = HOST_LABELS) -> tuple[str, ...]:
    """The hosts that labels name, IPv6 without brackets: `host` alone where it is, otherwise what the others say, of
    `instance` the host part. `localhost` is none where anything else is."""
    said = {name: host_in(labels, name) for name in order}
    absolute = {name: host for name, host in said.items() if host and not relative(host)}
    chosen = absolute or {name: host for name, host in said.items() if host}
    return (chosen["host"],) if "host" in chosen else tuple(dict.fromkeys(chosen.values()))


def host_in(labels: Mapping[str, str], name: str) -> str | None:
    if name == "instance":
        return place_of(labels)[0]
    return bare(labels.get("host", "") if name == "host" else meant(labels, name))


def gate_for(hosts: tuple[str, ...], reach: Reach) -> Gate:
    """The gate of the first of these that is a host of ours: an address of a pod, say, is none, its node is.

    Raises what reaching the first one raised when none is, and what any other fault raises at once."""
    refusals: list[Refused] = []
    for host in hosts:
        try:
            return reach(host)
        except Refused as refused:
            if refused.reason.code not in NO_HOSTS:
                raise
            refusals.append(refused)
    raise refusals[0]


def shown(text: str, most: int = 120) -> str:
    """What a label says, in a sentence: not without end, and nothing that moves a cursor."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)


def place_of(labels: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Host and port of the instance that was measured: of several that labels name the one that the exporter itself
    told. An id, as OpenTelemetry gives to each start of a service, is no place."""
    own = attribute(labels, "instance")
    said = labels.get("exported_instance") or (own if split_instance(own)[1] else "") or labels.get("instance", "")
    return (None, None) if ID.fullmatch(said.strip()) else split_instance(said)


def split_instance(instance: str) -> tuple[str | None, str | None]:
    """`10.0.0.5:9100` -> host and port; `[::1]:9100` and bare IPv6 too, and a URL that was probed, whose scheme may
    tell the port. What is missing is None."""
    url = re.match("([a-z][a-z0-9+.-]*)://", instance.strip(), re.IGNORECASE)
    place = re.split("[/?#]", instance.strip()[url.end() if url else 0 :], maxsplit=1)[0]
    host, port = split_place(place.rpartition("@")[2].replace("%25", "%") if url else place)
    return bare(host), port or (PORTS.get(url[1].lower()) if url else None)


def split_place(place: str) -> tuple[str, str | None]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":") or None
    if place.count(":") > 1:
        return place, None
    host, _, port = place.partition(":")
    return host, port or None


def bare(host: str) -> str | None:
    return host.strip().removeprefix("[").removesuffix("]") or None

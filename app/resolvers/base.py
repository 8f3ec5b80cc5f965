"""Which process does an alert mean? The rule's resolvers are asked in turn; the first that the labels address answers.

A resolver reads labels, asks the host's gate for facts and chooses among them in plain functions: no label ever becomes
part of a command. Called by captures/search.py.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from app.errors import Code, Refused
from app.gate.client import Gate
from app.gate.facts import Seen
from app.hosts.names import relative
from app.resolvers.words import attribute, meant

ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PORTS = {"http": "80", "https": "443"}
HOST_LABELS = ("host", "host_name", "instance", "node", "nodename", "hostname")
NO_HOSTS = (Code.HOST_NOT_ALLOWED, Code.HOST_UNKNOWN)


class Reach(Protocol):
    """The gate of a host. pid: the process that it will be asked about next, where that is known; 0: it is not."""

    def __call__(self, host: str, pid: int = 0, /) -> Gate: ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every process on a host that fits the labels.

    host: as its gate spells it; limits count by this name
    how: what was looked for, in words
    ranked: the first process that can be profiled is meant; otherwise there must be only one
    labels, by, asked: what it was found by, the kind of the resolver, and which labels that looked at (None: it is not
    known); search.py sets them
    """

    host: str
    processes: tuple[Seen, ...]
    how: str
    ranked: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    by: str = ""
    asked: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Enriched:
    """No process yet: more labels for the resolvers that come after. how: where they come from, in words."""

    labels: Mapping[str, str]
    how: str


class Resolver(ABC):
    """One way from labels to a process. Subclasses are frozen dataclasses whose fields are their YAML options.

    asks_elsewhere: whether it asks others than hosts, to which it is led by what they answer"""

    asks_elsewhere: ClassVar[bool] = False

    @abstractmethod
    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | Enriched | None:
        """The candidates, or more labels, or None if the labels do not address this resolver.

        Raises Refused for labels that address it and make no sense, and what `reach` raises."""


def host_of(labels: Mapping[str, str]) -> str | None:
    """The first host that labels name."""
    return next(iter(hosts_of(labels)), None)


def hosts_of(labels: Mapping[str, str], order: tuple[str, ...] = HOST_LABELS) -> tuple[str, ...]:
    """The hosts that labels name, IPv6 without brackets: `host` alone if it is set, otherwise all that the other labels
    name (of `instance` the host part). A relative name such as `localhost` counts only if there is no other."""
    named = {name: host_in(labels, name) for name in order}
    absolute = {name: host for name, host in named.items() if host and not relative(host)}
    chosen = absolute or {name: host for name, host in named.items() if host}
    return (chosen["host"],) if "host" in chosen else tuple(dict.fromkeys(chosen.values()))


def host_in(labels: Mapping[str, str], name: str) -> str | None:
    """The host that one label names."""
    if name == "instance":
        return place_of(labels)[0]
    return bare(labels.get("host", "") if name == "host" else meant(labels, name))


def gate_for(hosts: tuple[str, ...], reach: Reach, pid: int = 0) -> Gate:
    """The gate of the first of these that is a host of ours: the address of a pod is not, its node is. pid: as Reach.

    If none is, raises what `reach` raised for the first. Any other error is raised at once."""
    refusals: list[Refused] = []
    for host in hosts:
        try:
            return reach(host, pid)
        except Refused as refused:
            if refused.reason.code not in NO_HOSTS:
                raise
            refusals.append(refused)
    raise refusals[0]


def shown(text: str, most: int = 120) -> str:
    """A label's value for a sentence: cut to `most` characters, with everything escaped that is not printable."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)


def place_of(labels: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Host and port of the instance that was measured. Of several that labels name, the exporter's own counts.

    An id, as OpenTelemetry gives to each start of a service, is no place."""
    own = attribute(labels, "instance")
    own_place = own if split_instance(own)[1] else ""
    instance = labels.get("exported_instance") or own_place or labels.get("instance", "")
    return (None, None) if ID.fullmatch(instance.strip()) else split_instance(instance)


def split_instance(instance: str) -> tuple[str | None, str | None]:
    """`10.0.0.5:9100` -> host and port; also `[::1]:9100`, bare IPv6, and a URL that was probed, whose scheme may give
    the port. What is missing is None."""
    url = re.match("([a-z][a-z0-9+.-]*)://", instance.strip(), re.IGNORECASE)
    place = re.split("[/?#]", instance.strip()[url.end() if url else 0 :], maxsplit=1)[0]
    host, port = split_place(place.rpartition("@")[2].replace("%25", "%") if url else place)
    return bare(host), port or (PORTS.get(url[1].lower()) if url else None)


def split_place(place: str) -> tuple[str, str | None]:
    """Host and port of `host:port`, `[address]:port` or an address alone."""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":") or None
    if place.count(":") > 1:
        return place, None
    host, _, port = place.partition(":")
    return host, port or None


def bare(host: str) -> str | None:
    """A host without blanks and brackets; None if nothing is left."""
    return host.strip().removeprefix("[").removesuffix("]") or None

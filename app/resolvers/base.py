"""Which process does an alert speak of? The rule's resolvers are asked in turn; the first that feels addressed answers.

A resolver reads labels, asks the host's gate for facts and chooses among them here, in plain functions: no label ever
becomes part of a command. Called by search.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import Code, Refusal
from app.hosts.facts import Seen
from app.hosts.gate import Gate

Reach = Callable[[str], Gate]

HOST_LABELS = ("host", "instance", "node")
NO_HOSTS = (Code.HOST_NOT_ALLOWED, Code.HOST_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Found:
    """The host that was asked (as its gate spells it: limits count by that) and every process there that fits; `how`
    says in words what was looked for. `ranked`: the first of them that can be profiled is meant. `labels`: what it was
    found by, and `by` the kind of the resolver; search.py puts them in."""

    host: str
    candidates: tuple[Seen, ...]
    how: str
    ranked: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Not yet a process: what else is known about these labels, for the resolvers that come after."""

    labels: Mapping[str, str]
    how: str


class Resolver(ABC):
    """One way from labels to a process. Subclasses are frozen dataclasses whose fields are their YAML options."""

    @abstractmethod
    def find(self, labels: Mapping[str, str], reach: Reach) -> Found | Told | None:
        """None: these labels do not speak to me. Raises Refusal for labels that do but make no sense."""


def host_of(labels: Mapping[str, str]) -> str | None:
    """The first host that labels name."""
    return next(iter(hosts_of(labels)), None)


def hosts_of(labels: Mapping[str, str], order: tuple[str, ...] = HOST_LABELS) -> tuple[str, ...]:
    """The hosts that labels name, IPv6 without brackets: `host` alone where it is, otherwise what the others say, of
    `instance` the host part."""
    said = [split_instance(labels.get(name, ""))[0] if name == "instance" else bare(labels, name) for name in order]
    return (said[order.index("host")] or "",) if labels.get("host", "").strip() else tuple(filter(None, said))


def meant(labels: Mapping[str, str], name: str) -> str:
    """Prometheus renames what an exporter says to `exported_…` where it has such a label of its own: that is meant."""
    return labels.get(f"exported_{name}") or labels.get(name, "")


def bare(labels: Mapping[str, str], name: str) -> str | None:
    said = meant(labels, name) if name == "node" else labels.get(name, "")
    return said.strip().removeprefix("[").removesuffix("]") or None


def gate_for(hosts: tuple[str, ...], reach: Reach) -> Gate:
    """The gate of the first of these that is a host of ours: an address of a pod, say, is none, its node is.

    Raises what reaching the first one raised when none is, and what any other fault raises at once."""
    refusals: list[Refusal] = []
    for host in hosts:
        try:
            return reach(host)
        except Refusal as refused:
            if refused.reason.code not in NO_HOSTS:
                raise
            refusals.append(refused)
    raise refusals[0]


def shown(text: str, most: int = 120) -> str:
    """What a label says, in a sentence: not without end, and nothing that moves a cursor."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)


def split_instance(instance: str) -> tuple[str | None, str | None]:
    """`10.0.0.5:9100` -> host and port; `[::1]:9100` and bare IPv6 too. What is missing is None."""
    instance = instance.strip()
    if instance.startswith("["):
        host, _, rest = instance[1:].partition("]")
        return host or None, rest.removeprefix(":") or None
    if instance.count(":") > 1:
        return instance, None
    host, _, port = instance.partition(":")
    return host or None, port or None

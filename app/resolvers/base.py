"""Which process does an alert speak of? The rule's resolvers are asked in turn; the first that feels addressed answers.

A resolver reads labels, asks the host's gate for facts and chooses among them here, in plain functions: no label ever
becomes part of a command. Called by pipeline.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.hosts.gate import Gate, Seen

Reach = Callable[[str], Gate]


@dataclass(frozen=True, slots=True)
class Found:
    """The host that was asked (as its gate spells it: limits count by that) and every process there that fits; `how`
    says in words what was looked for."""

    host: str
    candidates: tuple[Seen, ...]
    how: str


class Resolver(ABC):
    """One way from labels to a process. Subclasses are frozen dataclasses whose fields are their YAML options."""

    @abstractmethod
    def find(self, labels: Mapping[str, str], reach: Reach) -> Found | None:
        """None: these labels do not speak to me. Raises Refusal for labels that do but make no sense."""


def host_of(labels: Mapping[str, str]) -> str | None:
    """The host that labels name: `host`, or the host part of `instance` (IPv6 in brackets or bare)."""
    if host := labels.get("host", "").strip():
        return host.removeprefix("[").removesuffix("]")
    return split_instance(labels.get("instance", ""))[0]


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

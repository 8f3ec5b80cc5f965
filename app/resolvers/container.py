"""The process of a container, from cAdvisor's labels (`id`, which is the cgroup, `name`, `image`, `container_label_*`),
or from a `container_id` as kube-state-metrics and OpenTelemetry write it, with the name in `container_name`.

The cgroup identifies the container's processes without a client of Docker, containerd, CRI-O or Podman. The kernel does
not know a container's name, image and labels: they are in files of Docker and Podman that only root may read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refused
from app.gate.client import Gate
from app.gate.facts import Named, Seen
from app.resolvers.base import Candidates, Reach, Resolver, gate_for, hosts_of, shown
from app.resolvers.families import each_container, inside, mains
from app.resolvers.pod import NODE_ORDER, words_of
from app.resolvers.starters import started_by
from app.resolvers.words import NO_PROGRAM, SANDBOX, meant

PREFIX = "container_label_"


@dataclass(frozen=True, slots=True)
class Container(Resolver):
    """Resolves alerts with a host and a container. It has no options."""

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        hosts = hosts_of(labels, NODE_ORDER)
        id_, path = id_in(labels), meant(labels, "id")
        by_path = path.startswith("/") and path.strip("/")
        if not hosts or not (id_ or by_path or speaks_of_one(labels)):
            return None
        if SANDBOX in (labels.get("container_name"), words_of(labels).container):
            raise Refused(Code.PROCESS_NOT_FOUND, NO_PROGRAM)
        gate = gate_for(hosts, reach)
        processes = gate.processes()
        if id_:
            candidates = Candidates(gate.host, by_id(processes, id_), f"of the container {id_[:12]}")
        elif by_path:
            group = [seen for seen in processes if inside(seen, path.rstrip("/"))]
            candidates = Candidates(gate.host, mains(group), f"of the cgroup {shown(path)}")
        else:
            candidates = self._by_name(labels, gate, processes)
        return started_by(gate, processes, candidates)

    def _by_name(self, labels: Mapping[str, str], gate: Gate, processes: tuple[Seen, ...]) -> Candidates:
        known = gate.named()
        fitting = [named for named in known if fits(named, labels)]
        group = tuple(head for named in fitting for head in by_id(processes, named.id))
        if not fitting and not known:
            raise Refused(
                Code.PROCESS_NOT_FOUND,
                f"{gate.host}: names of containers cannot be seen there (only root may, and only Docker and Podman "
                "write them down): keep cAdvisor's label `id` in the alert, or set become: sudo",
            )
        about = [f"{name}={labels[name]}" for name in sorted(labels) if is_about(name) and labels[name]]
        return Candidates(gate.host, group, f"of a container with {', '.join(shown(each, 60) for each in about[:8])}")


def id_in(labels: Mapping[str, str]) -> str | None:
    """The container's id: `docker://…`, `containerd://…` or bare, of at least 12 digits as `docker ps` shows it.

    cAdvisor's `name` is the id if the engine (containerd, CRI-O) has no names."""
    said, name = meant(labels, "container_id"), labels.get("name", "")
    m = re.fullmatch(r"(?:[a-z-]+://)?([0-9a-f]{12,64})", said, re.ASCII) or re.fullmatch(r"([0-9a-f]{64})", name)
    return m[1] if m else None


def by_id(processes: tuple[Seen, ...], id_: str) -> tuple[Seen, ...]:
    """The main process of every container whose id begins so."""
    return each_container(processes, lambda mine: mine.startswith(id_))


def is_about(label: str) -> bool:
    """Whether a label describes a container."""
    return label in ("name", "container_name", "image") or label.startswith(PREFIX)


def speaks_of_one(labels: Mapping[str, str]) -> bool:
    """Whether the labels describe a container. `name` alone may describe anything; with an image or a container's label
    it is cAdvisor's. In a pod, Kubernetes' own labels say more (see pod.py)."""
    if words_of(labels).pod:
        return False
    about = {name for name in labels if is_about(name) and labels[name]}
    if "container_name" in about:
        return True
    named = about - {"image"}
    cadvisors = any(word in labels.get("job", "") for word in ("container", "cadvisor"))
    return bool(named) and (about != {"name"} or cadvisors) and not names_unit(labels)


def names_unit(labels: Mapping[str, str]) -> bool:
    """Whether `name` is the name of a systemd unit."""
    return labels.get("name", "").endswith((".service", ".scope"))


def fits(named: Named, labels: Mapping[str, str]) -> bool:
    """Whether the labels describe this container.

    A name is enough if nothing that is known contradicts it (of Podman's containers only names are known). Without a
    name, everything else must be equal. cAdvisor writes `_` for a character that a label's name must not have."""
    written = {re.sub(r"[^a-zA-Z0-9_]", "_", name): value for name, value in named.labels.items()}
    said = {name.removeprefix(PREFIX): value for name, value in labels.items() if name.startswith(PREFIX) and value}
    name, image = labels.get("container_name") or labels.get("name", ""), labels.get("image", "")
    if name:
        against = any(written.get(key, value) != value for key, value in said.items())
        return name == named.name and not against and (not image or image == (named.image or image))
    return image in ("", named.image) and all(written.get(key) == value for key, value in said.items())

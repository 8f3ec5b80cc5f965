"""The process of a pod's container, from the labels `namespace`, `pod`, `container`, `uid` and `node` of
kube-state-metrics and cAdvisor, or their other names in old kubelets, OpenTelemetry and relabelling.

The node is a host like any other: no DaemonSet, nothing privileged in the cluster. The kubelet's links to its logs
(/var/log/containers) say which container is which; without them, the pod's uid is in its cgroup.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refused
from app.gate.client import Gate
from app.gate.facts import Pod as PodFacts
from app.gate.facts import Seen
from app.resolvers.base import NO_HOSTS, Candidates, Reach, Resolver, gate_for, hosts_of, shown
from app.resolvers.families import each_container
from app.resolvers.starters import started_by
from app.resolvers.words import NO_PROGRAM, SANDBOX, attribute, meant

NODE_ORDER = ("host", "node", "host_name", "instance", "nodename", "hostname")
OF_CADVISOR = (
    "container_label_io_kubernetes_"  # the kubelet's labels of its containers, as a separate cAdvisor has them
)
PAUSE = "pause"  # the program that holds a pod's namespaces and does nothing else


@dataclass(frozen=True, slots=True)
class Words:
    """The names that labels give to a pod; "" for a missing one."""

    namespace: str
    pod: str
    container: str
    uid: str


@dataclass(frozen=True, slots=True)
class Pod(Resolver):
    """Resolves alerts with a pod and a node.

    node: the label that names the node
    """

    node: str = "node"

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | None:
        said = words_of(labels)
        if not said.pod or not (said.namespace or said.uid):
            return None
        gate = self._node(labels, said, reach)
        processes = gate.processes()
        candidates = Candidates(gate.host, mains_of(said, gate.pods(), processes), in_words(said))
        return started_by(gate, processes, candidates)

    def _node(self, labels: Mapping[str, str], said: Words, reach: Reach) -> Gate:
        node = meant(labels, self.node)
        order = tuple(name for name in NODE_ORDER if node or name != "node")
        try:
            return gate_for(hosts_of({**labels, "exported_node": node}, order) or ("",), reach)
        except Refused as refused:
            if refused.reason.code not in NO_HOSTS or node:
                raise
            raise Refused(
                Code.HOST_UNKNOWN,
                f"the labels name the pod {shown(said.pod)}, but no node that is a host of ours: "
                f"have Prometheus add a label {self.node} (from __meta_kubernetes_pod_node_name, or by joining "
                "kube_pod_info)",
            ) from refused


def words_of(labels: Mapping[str, str]) -> Words:
    """The names of the pod that was measured. There may also be labels of the pod that measured it, in another style;
    names of different styles are never mixed."""
    if pod := attribute(labels, "pod"):
        return Words(*(attribute(labels, name) for name in ("namespace", "pod", "container", "uid")))
    if labels.get(f"{OF_CADVISOR}pod_name"):
        written = ("pod_namespace", "pod_name", "container_name", "pod_uid")
        return Words(*(labels.get(f"{OF_CADVISOR}{name}", "") for name in written))
    namespace, uid = meant(labels, "namespace"), meant(labels, "uid")
    container = meant(labels, "container") or labels.get("container_name", "")
    if pod := meant(labels, "pod") or labels.get("pod_name", ""):
        return Words(namespace, pod, container, uid)
    container = labels.get("kubernetes_container_name") or container
    return Words(labels.get("kubernetes_namespace") or namespace, labels.get("kubernetes_pod_name", ""), container, uid)


def in_words(said: Words) -> str:
    """The pod, as the end of a sentence."""
    if said.container == SANDBOX:
        return f"of pod {shown(f'{said.namespace}/{said.pod}')}: {NO_PROGRAM}"
    container = f"container {shown(said.container)} of " if said.container else ""
    return f"of {container}pod {shown(f'{said.namespace}/{said.pod}')}"


def mains_of(said: Words, kept: tuple[PodFacts, ...], processes: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """The main processes of the pod's containers. kept: the containers that the kubelet keeps logs of."""
    ids = {each.id for each in kept if fits(each, said)}
    name = (said.namespace, said.pod)
    if ids or any((each.namespace, each.pod) == name or each.uid == said.uid for each in kept):
        return each_container(processes, ids.__contains__)
    return by_uid(processes, said.uid)


def fits(known: PodFacts, said: Words) -> bool:
    """Whether the labels describe this container; a missing name fits every one."""
    pairs = (
        (said.namespace, known.namespace),
        (said.pod, known.pod),
        (said.uid, known.uid),
        (said.container, known.container),
    )
    return all(wanted in ("", actual) for wanted, actual in pairs)


def by_uid(processes: tuple[Seen, ...], uid: str) -> tuple[Seen, ...]:
    """The main process of each container whose cgroup has the pod's uid, for a pod without the kubelet's logs."""
    return each_container(seen for seen in processes if of_pod(seen, uid) and seen.comm != PAUSE)


def of_pod(seen: Seen, uid: str) -> bool:
    """Whether the cgroup is the pod's: `…/pod0b1c…/…`, or in systemd's spelling `…-pod0b1c_….slice/…`."""
    if not re.fullmatch(r"[A-Za-z0-9-]{8,64}", uid, re.ASCII):
        return False
    part = re.compile(rf"(?:.+-)?pod(?:{uid}|{uid.replace('-', '_')})(?:\.slice)?")
    return any(part.fullmatch(each) for group in seen.groups for each in re.split("[/:]", group))

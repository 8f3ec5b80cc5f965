"""The process of a container of a pod, from kube-state-metrics' and cAdvisor's `namespace`, `pod`, `container`, `uid`,
`node`.

The node is a host like any other: no DaemonSet, nothing privileged in the cluster. The kubelet's links to its logs
(/var/log/containers) tell which container is which; without them the pod's uid is in its cgroup.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import Code, Refusal
from app.hosts.facts import Pod as PodFacts
from app.hosts.facts import Seen
from app.hosts.gate import Gate
from app.resolvers.base import NO_HOSTS, Found, Reach, Resolver, gate_for, hosts_of, meant, shown
from app.resolvers.families import each_container

NODE_ORDER = ("host", "node", "instance")
SANDBOX = "pause"  # holds a pod's namespaces, and does nothing else


@dataclass(frozen=True, slots=True)
class Pod(Resolver):
    node: str = "node"  # the label that names the node

    def find(self, labels: Mapping[str, str], reach: Reach) -> Found | None:
        namespace, pod, uid = (meant(labels, name) for name in ("namespace", "pod", "uid"))
        if not pod or not (namespace or uid):
            return None
        gate = self._node(labels, reach)
        container = meant(labels, "container")
        what = f"of {f'container {shown(container)} of ' if container else ''}pod {shown(f'{namespace}/{pod}')}"
        kept = gate.pods()
        ids = {each.id for each in kept if fits(each, namespace, pod, uid, container)}
        processes = gate.processes()
        if ids or any((each.namespace, each.pod) == (namespace, pod) or each.uid == uid for each in kept):
            return Found(gate.host, each_container(processes, ids.__contains__), what)
        return Found(gate.host, by_uid(processes, uid), what)

    def _node(self, labels: Mapping[str, str], reach: Reach) -> Gate:
        node = meant(labels, self.node)
        named = {**labels, "node": node, "exported_node": ""}
        try:
            return gate_for(hosts_of(named, NODE_ORDER) or ("",), reach)
        except Refusal as refused:
            if refused.reason.code not in NO_HOSTS or node:
                raise
            raise Refusal(
                Code.HOST_UNKNOWN,
                f"the labels name the pod {shown(meant(labels, 'pod'))}, but no node that is a host of ours: "
                f"have Prometheus add a label {self.node} (from __meta_kubernetes_pod_node_name, or by joining "
                "kube_pod_info)",
            ) from refused


def fits(known: PodFacts, namespace: str, pod: str, uid: str, container: str) -> bool:
    asked = ((namespace, known.namespace), (pod, known.pod), (uid, known.uid), (container, known.container))
    return all(said in ("", is_) for said, is_ in asked)


def by_uid(processes: tuple[Seen, ...], uid: str) -> tuple[Seen, ...]:
    """One process a container, of all whose cgroup has the pod's uid: for a pod that the kubelet keeps no logs of."""
    return each_container(seen for seen in processes if of_pod(seen, uid) and seen.comm != SANDBOX)


def of_pod(seen: Seen, uid: str) -> bool:
    """`…/pod0b1c…/…`, or with systemd's spelling `…-pod0b1c_….slice/…`."""
    if not re.fullmatch(r"[A-Za-z0-9-]{8,64}", uid, re.ASCII):
        return False
    part = re.compile(rf"(?:.+-)?pod(?:{uid}|{uid.replace('-', '_')})(?:\.slice)?")
    return any(part.fullmatch(each) for group in seen.groups for each in re.split("[/:]", group))

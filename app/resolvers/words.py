"""One thing under the names that different exporters give it: what Prometheus renamed, OpenTelemetry's attributes, the
labels of old kubelets and of the relabelling that was usual once. Pure; the resolvers ask what is meant.
"""

from collections.abc import Mapping
from functools import cache

# OpenTelemetry's attributes, in the order of trust; in labels their dots are underscores, unless UTF-8 names are kept.
OPEN_TELEMETRY = {
    "host_name": ("host.name",),
    "instance": ("service.instance.id",),
    "node": ("k8s.node.name",),
    "container_id": ("container.id",),
    "namespaced_pid": ("process.pid",),
    "process": ("process.executable.path", "process.executable.name", "process.command"),
    "service": ("service.name",),
    "uid": ("k8s.pod.uid",),
    "namespace": ("k8s.namespace.name",),
    "pod": ("k8s.pod.name",),
    "container": ("k8s.container.name",),
}
OLDER = {
    "node": ("kubernetes_node", "kubernetes_node_name", "kubernetes_io_hostname"),
    "namespace": ("kubernetes_namespace",),
}
SANDBOX = "POD"  # what the kubelet's cAdvisor calls the container that holds a pod's network, and runs nothing
NO_PROGRAM = (
    'container="POD" is the sandbox that holds the pod\'s network, and no program of yours runs in it: have the '
    'expression of the alert leave it out with container!="POD"'
)


def meant(labels: Mapping[str, str], name: str) -> str:
    """Prometheus renames what an exporter says to `exported_…` where it has such a label of its own: that is meant.
    OpenTelemetry's attribute is about the measured one too, where `name` may be the collector's."""
    return next((labels[each] for each in names_of(name) if labels.get(each)), "")


def attribute(labels: Mapping[str, str], name: str) -> str:
    """What OpenTelemetry alone says of it."""
    return next((labels[each] for each in attribute_names(name) if labels.get(each)), "")


@cache
def names_of(name: str) -> tuple[str, ...]:
    return (f"exported_{name}", *attribute_names(name), name, *OLDER.get(name, ()))


@cache
def attribute_names(name: str) -> tuple[str, ...]:
    return tuple(each for dotted in OPEN_TELEMETRY.get(name, ()) for each in (dotted.replace(".", "_"), dotted))


def service_of(labels: Mapping[str, str]) -> str:
    """Whose replicas and cooldown it counts for; "" where no label says."""
    return labels.get("service") or attribute(labels, "service") or labels.get("job", "")

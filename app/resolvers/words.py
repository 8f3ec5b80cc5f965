"""The different names of one label: what Prometheus renamed, OpenTelemetry's attributes, the labels of old kubelets and
of the relabelling that was common once. Pure; called by the resolvers.
"""

from collections.abc import Mapping
from functools import cache

# OpenTelemetry's attributes, the most trusted first. Labels have underscores for the dots, unless UTF-8 names are kept.
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
SANDBOX = "POD"  # the kubelet's cAdvisor's name of the container that holds a pod's network and runs nothing
NO_PROGRAM = (
    'container="POD" is the sandbox that holds the pod\'s network, and no program of yours runs in it: have the '
    'expression of the alert leave it out with container!="POD"'
)


def meant(labels: Mapping[str, str], name: str) -> str:
    """The value of a label under any of its names, or "".

    Prometheus renames an exporter's label to `exported_…` if it has one of that name itself; the exporter's is meant.
    OpenTelemetry's attribute also describes what was measured, while the label `name` may describe the collector."""
    return next((labels[each] for each in names_of(name) if labels.get(each)), "")


def attribute(labels: Mapping[str, str], name: str) -> str:
    """The value of the label under OpenTelemetry's names only, or ""."""
    return next((labels[each] for each in attribute_names(name) if labels.get(each)), "")


@cache
def names_of(name: str) -> tuple[str, ...]:
    """All names of a label, the most trusted first."""
    return (f"exported_{name}", *attribute_names(name), name, *OLDER.get(name, ()))


@cache
def attribute_names(name: str) -> tuple[str, ...]:
    """OpenTelemetry's names of a label."""
    return tuple(each for dotted in OPEN_TELEMETRY.get(name, ()) for each in (dotted.replace(".", "_"), dotted))

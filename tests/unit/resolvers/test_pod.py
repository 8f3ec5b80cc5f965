"""The process of a pod's container, from kube-state-metrics' and the kubelet's labels."""

from typing import cast

import pytest

from app.captures.search import only_one
from app.errors import Code, Refused
from app.gate.facts import Pod as Kept
from app.resolvers.base import Candidates
from app.resolvers.container import Container
from app.resolvers.pod import Pod, of_pod
from tests.unit.resolvers.host import ID, OTHER, Host, found, seen

UID = "0b1c2d3e-0000-4000-8000-000000000001"
SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
APP, SIDECAR, SANDBOX = ID, OTHER, "ab" * 32
PROCESSES = (
    seen(20, "/srv/app", f"{SLICE}/cri-containerd-{APP}.scope", inner=1),
    seen(21, "/srv/app", f"{SLICE}/cri-containerd-{APP}.scope", parent=20, inner=7),
    seen(30, "/srv/sidecar", f"{SLICE}/cri-containerd-{SIDECAR}.scope", inner=1),
    seen(40, "/pause", f"{SLICE}/cri-containerd-{SANDBOX}.scope", inner=1),
)
KEPT = (Kept("shop", "cart-0", UID, "app", APP), Kept("shop", "cart-0", UID, "sidecar", SIDECAR))
HOST = Host(PROCESSES, pods_=KEPT, known_as=("worker-1",))
AT = {"instance": "10.244.0.9:8080", "node": "worker-1"}
CART = {"namespace": "shop", "pod": "cart-0"}


def test_namespace_pod_and_container_find_the_containers_first_process() -> None:
    assert found(Pod(), HOST, **AT, **CART, container="app") == [20]
    assert found(Pod(), HOST, **AT, **CART, container="sidecar", uid=UID) == [30]


def test_without_a_container_all_of_the_pods_are_told_but_not_the_sandbox() -> None:
    assert found(Pod(), HOST, **AT, **CART) == [20, 30]


@pytest.mark.parametrize(
    "wrong", [{"namespace": "sho"}, {"pod": "cart"}, {"container": "ap"}, {"uid": UID[:-1] + "2"}, {"container": "POD"}]
)
def test_what_the_kubelet_does_not_call_so_is_not_found_even_where_the_uid_is_right(wrong: dict[str, str]) -> None:
    assert found(Pod(), HOST, **{**AT, **CART, "container": "app", "uid": UID, **wrong}) == []


def test_a_container_that_has_ended_finds_none() -> None:
    host = Host(PROCESSES[2:], pods_=KEPT, known_as=("worker-1",))
    assert found(Pod(), host, **AT, **CART, container="app", uid=UID) == []


def test_where_the_kubelet_keeps_no_logs_the_uid_in_the_cgroup_tells_all_but_the_sandbox() -> None:
    host = Host(PROCESSES, known_as=("worker-1",))
    assert found(Pod(), host, **AT, **CART, uid=UID) == [20, 30]
    assert found(Pod(), host, **AT, **CART) == [], "no uid, no pod"


@pytest.mark.parametrize(
    ("group", "is_"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", True),
        (f"{SLICE}/crio-{ID}.scope", True),
        (f"/system.slice/containerd.service/kubepods-pod{UID.replace('-', '_')}.slice:cri-containerd:{ID}", True),
        (f"/kubepods/burstable/pod{UID}2/{ID}", False),
        (f"/kubepods/burstable/xpod{UID}/{ID}", False),
    ],
)
def test_the_uid_is_a_whole_part_of_the_cgroups_path(group: str, is_: bool) -> None:
    assert of_pod(seen(1, "/srv/app", group), UID) is is_


@pytest.mark.parametrize("uid", ["", ".*", "0b1c", "a" * 65, "0b1c2d3e|x"])
def test_what_is_no_uid_is_no_pods(uid: str) -> None:
    assert not of_pod(seen(1, "/srv/app", f"/kubepods/pod{uid}/{ID}"), uid)


def test_what_was_exported_is_meant_and_not_the_exporters_own_pod_and_node() -> None:
    own = {
        "namespace": "monitoring",
        "pod": "ksm-0",
        "container": "ksm",
        "node": "worker-9",
        "instance": "10.244.0.9:8080",
    }
    exported = {"exported_namespace": "shop", "exported_pod": "cart-0", "exported_container": "app"}
    assert found(Pod(), HOST, **own, **exported, exported_node="worker-1") == [20]
    with pytest.raises(Refused):
        found(Pod(), HOST, **own, **exported)


OWN = {"namespace": "monitoring", "pod": "collector-0", "container": "collector", "node": "worker-9"}
K8S = {"k8s_namespace_name": "shop", "k8s_pod_name": "cart-0", "k8s_node_name": "worker-1"}
OF_CADVISOR = {
    "container_label_io_kubernetes_pod_namespace": "shop",
    "container_label_io_kubernetes_pod_name": "cart-0",
    "container_label_io_kubernetes_container_name": "app",
}
KUBERNETES = {"kubernetes_namespace": "shop", "kubernetes_pod_name": "cart-0"}


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "shop", "pod_name": "cart-0", "container_name": "app", "node": "worker-1"},
        {**KUBERNETES, "container": "app", "node": "worker-1"},
        {**KUBERNETES, "kubernetes_container_name": "app", "kubernetes_io_hostname": "worker-1"},
        {**K8S, "k8s_container_name": "app"},
        {**OF_CADVISOR, **OWN, "node": "worker-1"},
        {**{name.replace("_", "."): said for name, said in K8S.items()}, "k8s.container.name": "app", **OWN},
    ],
)
def test_a_pod_is_found_whatever_its_labels_are_called(labels: dict[str, str]) -> None:
    assert found(Pod(), HOST, instance="10.244.0.9:8080", **labels) == [20]
    assert Container().find({"instance": "10.244.0.9:8080", **labels}, HOST.reach) is None


def test_what_the_labels_say_of_two_pods_is_not_mixed() -> None:
    """Neither are the collector's own container and namespace those of the pod that it watches, nor those that
    relabelling has for kube-state-metrics itself those of the pod that it speaks of."""
    assert found(Pod(), HOST, **K8S, **OWN) == [20, 30]
    itself = {"kubernetes_namespace": "kube-system", "kubernetes_pod_name": "ksm-0", "kubernetes_container_name": "ksm"}
    assert found(Pod(), HOST, **CART, **itself, container="app", node="worker-1") == [20]


def test_the_sandbox_is_named_as_what_it_is() -> None:
    with pytest.raises(Refused, match='leave it out with container!="POD"'):
        only_one(cast(Candidates, Pod().find({**AT, **CART, "container": "POD"}, HOST.reach)))


def test_the_nodes_label_may_be_another() -> None:
    labels = {"instance": "10.244.0.9:8080", **CART, "container": "app", "kubernetes_node": "worker-1"}
    assert found(Pod(node="kubernetes_node"), HOST, **labels) == [20]


def test_without_a_node_that_is_a_host_it_says_what_would_help() -> None:
    with pytest.raises(Refused, match="add a label node") as refused:
        found(Pod(), HOST, instance="10.244.0.9:8080", **CART)
    assert refused.value.reason.code is Code.HOST_UNKNOWN
    with pytest.raises(Refused, match="worker-9") as refused:
        found(Pod(), HOST, node="worker-9", **CART)
    assert refused.value.reason.code is Code.HOST_NOT_ALLOWED


def test_labels_without_a_pod_are_left_to_others() -> None:
    assert found(Pod(), HOST, **AT, namespace="shop") is None
    assert found(Pod(), HOST, **AT, pod="cart-0") is None, "of which namespace?"
    assert found(Pod(), HOST, **AT, pod="cart-0", uid=UID) == [20, 30]

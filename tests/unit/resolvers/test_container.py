"""The process of a container, from cAdvisor's labels."""

import pytest

from app.errors import Code, Refused
from app.gate.facts import Named
from app.resolvers.container import Container
from tests.unit.resolvers.host import ID, OTHER, Host, found, seen

AT = {"instance": "10.0.0.5:8080", "job": "cadvisor"}
WEB = Named(ID, "web", "nginx:1.27", {"com.docker.compose.service": "web", "tier": "front"})
TWO = (seen(20, "/srv/web", f"/docker/{ID}", inner=1), seen(30, "/srv/db", f"/docker/{OTHER}", inner=1))


@pytest.mark.parametrize("said", [ID, ID[:12], f"docker://{ID}", f"containerd://{ID}", f"cri-o://{ID}"])
def test_an_id_finds_its_container_however_it_is_written(said: str) -> None:
    assert found(Container(), Host(TWO), **AT, container_id=said) == [20]


@pytest.mark.parametrize("said", [ID[:11], ID.upper(), ID[1:13], f"{ID}0", "docker://", "../x"])
def test_what_is_no_id_finds_none(said: str) -> None:
    assert found(Container(), Host(TWO), **AT, container_id=said) in (None, [])


def test_an_id_that_two_containers_begin_with_tells_both() -> None:
    twin = ID[:12] + OTHER[12:]
    both = (*TWO, seen(40, "/srv/web", f"/docker/{twin}", inner=1))
    assert found(Container(), Host(both), **AT, container_id=ID[:12]) == [20, 40]


def test_containerds_name_is_an_id() -> None:
    assert found(Container(), Host(TWO), **AT, name=ID, image="nginx:1.27") == [20]


@pytest.mark.parametrize("path", [f"/docker/{ID}", f"/docker/{ID}/"])
def test_cadvisors_id_is_a_cgroup(path: str) -> None:
    assert found(Container(), Host(TWO), **AT, id=path, name="web", image="nginx:1.27") == [20]


def test_the_cgroup_below_counts_and_one_that_begins_alike_does_not() -> None:
    host = Host((seen(20, "/srv/web", "/web/a"), seen(21, "/srv/web", "/website")))
    assert found(Container(), host, **AT, id="/web") == [20]


def test_the_cgroup_of_the_whole_machine_is_no_containers() -> None:
    assert found(Container(), Host(TWO), **AT, id="/") is None


def test_a_name_an_image_and_labels_are_looked_up_in_what_docker_wrote() -> None:
    host = Host(TWO, named_=(WEB,))
    labels = {"container_label_com_docker_compose_service": "web", "container_label_tier": "front"}
    assert found(Container(), host, **AT, name="web", image="nginx:1.27", **labels) == [20]
    assert found(Container(), host, **AT, name="web") == [20]
    assert found(Container(), host, **AT, **labels) == [20]


@pytest.mark.parametrize("wrong", [{"name": "we"}, {"image": "nginx:1.28"}, {"container_label_tier": "back"}])
def test_what_contradicts_docker_finds_none(wrong: dict[str, str]) -> None:
    labels = {"name": "web", "image": "nginx:1.27", "container_label_tier": "front"}
    assert found(Container(), Host(TWO, named_=(WEB,)), **AT, **{**labels, **wrong}) == []


def test_of_podmans_containers_only_names_are_known_and_a_name_is_enough() -> None:
    host = Host(TWO, named_=(Named(ID, "web", "", {}),))
    assert found(Container(), host, **AT, name="web", image="docker.io/library/nginx:1.27") == [20]
    assert found(Container(), host, **AT, image="docker.io/library/nginx:1.27", container_label_tier="front") == []


def test_a_containers_name_is_looked_up_and_never_left_out() -> None:
    """OpenTelemetry and old kubelets call it container_name."""
    host = Host(TWO, named_=(WEB, Named(OTHER, "db", "pg:16", {})))
    assert found(Container(), host, host_name="h", container_name="db") == [30]
    assert found(Container(), Host(TWO, named_=(WEB,)), host_name="h", container_name="db") == []


def test_open_telemetrys_id_is_one() -> None:
    assert found(Container(), Host(TWO), **{"host.name": "h", "container.id": ID}) == [20]


@pytest.mark.parametrize("label", ["container", "container_name"])
def test_a_pods_sandbox_is_refused_as_what_it_is(label: str) -> None:
    labels = {"id": f"/kubepods/pod1/{ID}", "namespace": "shop", "pod": "cart-0", label: "POD"}
    with pytest.raises(Refused, match='container!="POD"') as refused:
        found(Container(), Host(TWO), **AT, **labels)
    assert refused.value.reason.code is Code.PROCESS_NOT_FOUND


def test_where_no_names_can_be_seen_it_says_what_would_help() -> None:
    with pytest.raises(Refused, match="keep cAdvisor's label `id`") as refused:
        found(Container(), Host(TWO), **AT, name="web", image="nginx:1.27")
    assert refused.value.reason.code is Code.PROCESS_NOT_FOUND


def test_the_name_of_a_unit_and_a_name_of_whatever_exporter_are_left_to_others() -> None:
    host = Host(TWO, named_=(WEB,))
    assert found(Container(), host, instance="10.0.0.5:9100", job="node", name="web.service") is None
    assert found(Container(), host, instance="10.0.0.5:9100", job="node", name="web") is None
    assert found(Container(), host, instance="10.0.0.5:9100", job="node") is None


def test_the_node_comes_before_the_exporters_instance() -> None:
    assert found(
        Container(), Host(TWO, known_as=("worker-1",)), instance="10.9.9.9:8080", node="worker-1", id=f"/docker/{ID}"
    ) == [20]
    with pytest.raises(Refused):
        found(Container(), Host(TWO, known_as=("worker-1",)), instance="10.9.9.9:8080", id=f"/docker/{ID}")

"""Which process stands for a unit or a container, and whose cgroup is it?"""

import pytest

from app.gate.facts import Seen
from app.resolvers.families import container_of, heads, mains, unit_of
from tests.unit.resolvers.host import ID, OTHER, seen


def pids(found: tuple[Seen, ...]) -> list[int]:
    return [each.id.pid for each in found]


def test_the_parent_of_the_others_stands_for_them() -> None:
    assert pids(heads([seen(11, parent=10), seen(10), seen(12, parent=11)])) == [10]


def test_two_that_have_no_parent_among_them_both_stand() -> None:
    assert pids(heads([seen(12), seen(10)])) == [10, 12]


def test_the_first_of_a_pid_namespace_stands_whoever_was_put_in_afterwards() -> None:
    assert pids(heads([seen(30, parent=9), seen(20, parent=8, inner=1), seen(31, "/bin/sleep", parent=30)])) == [20]


def test_two_pid_namespaces_in_one_group_both_stand() -> None:
    assert pids(heads([seen(20, parent=8, inner=1), seen(30, parent=8, inner=1)])) == [20, 30]


def test_a_sandbox_that_a_service_makes_does_not_stand_for_it() -> None:
    assert pids(heads([seen(20, parent=1), seen(21, parent=20, inner=1)])) == [20]


@pytest.mark.parametrize("wrapper", ["/bin/sh", "/usr/bin/tini", "/usr/bin/dumb-init", "/usr/bin/catatonit"])
def test_a_wrapper_with_one_child_is_not_meant_but_its_child(wrapper: str) -> None:
    assert pids(heads([seen(20, wrapper, inner=1), seen(21, parent=20)])) == [21]


def test_wrappers_around_wrappers_are_looked_through() -> None:
    chain = [seen(20, "/usr/bin/tini"), seen(21, "/bin/dash", parent=20), seen(22, parent=21)]
    assert pids(heads(chain)) == [22]


def test_a_wrapper_with_two_children_or_none_is_itself_shown() -> None:
    assert pids(heads([seen(20, "/bin/sh"), seen(21, parent=20), seen(22, parent=20)])) == [20]
    assert pids(heads([seen(20, "/bin/sh")])) == [20]


def test_a_service_that_is_no_wrapper_is_meant_even_with_one_child() -> None:
    assert pids(heads([seen(20), seen(21, parent=20)])) == [20]


def test_nobody_stands_for_nobody() -> None:
    assert heads([]) == mains([]) == ()


# ---------------------------------------------------------------------- groups that hold containers


def test_a_unit_that_runs_one_container_is_that_containers_process() -> None:
    conmon = seen(20, "/usr/bin/conmon", "/system.slice/web.service/supervisor")
    web = seen(21, "/srv/web", f"/system.slice/web.service/libpod-payload-{ID}", parent=20, inner=1)
    assert pids(mains([conmon, web])) == [21]


def test_an_engines_unit_is_the_engine_and_not_what_it_runs() -> None:
    engine = seen(20, "/usr/bin/containerd", "/system.slice/containerd.service")
    shim = seen(30, "/usr/bin/containerd-shim-runc-v2", "/system.slice/containerd.service")
    inside = seen(31, "/srv/web", f"/system.slice/containerd.service/default/{ID}", parent=30, inner=1)
    assert pids(mains([engine, shim, inside])) == [20]


def test_a_pods_cgroup_is_its_containers_without_the_sandbox() -> None:
    app, sandbox = f"/kubepods/pod1/{ID}", f"/kubepods/pod1/{OTHER}"
    assert pids(mains([seen(20, "/pause", sandbox, inner=1), seen(21, "/srv/app", app, inner=1)])) == [21]
    assert pids(mains([seen(20, "/pause", sandbox, inner=1)])) == [20], "where there is nothing else it is shown"


# ---------------------------------------------------------------------- names of cgroups


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{ID}",
        f"/system.slice/docker-{ID}.scope",
        f"/machine.slice/libpod-{ID}.scope/container",
        f"/libpod_parent/libpod-{ID}",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope",
        f"/kubepods/besteffort/pod1-2/{ID}",
        f"/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:{ID}",
        f"/ecs/task/{ID}",
        f"/docker/{OTHER}/kubelet.slice/kubelet-kubepods.slice/cri-containerd-{ID}.scope",
        f"/docker/{ID}/init.scope",
    ],
)
def test_every_runtimes_cgroup_tells_the_container(path: str) -> None:
    assert container_of(["/user.slice", path]) == ID
    assert unit_of([path, "/system.slice/ssh.service"]) is None


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice/orders.service",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/kubepods.slice/crio-conmon-{ID}.scope",
        f"/docker/{ID[:-1]}",
        f"/docker/{ID}0",
        f"/docker/{ID.upper()}",
        "/",
        "",
    ],
)
def test_what_no_runtime_would_call_so_is_no_container(path: str) -> None:
    assert container_of([path]) is None


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/orders.service", "orders.service"),
        ("/system.slice/system-orders.slice/orders@7.service", "orders@7.service"),
        ("/system.slice/orders.service/workers", "orders.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/orders.service", "orders.service"),
        ("/user.slice/user-1000.slice/session-3.scope", None),
        ("/system.slice", None),
    ],
)
def test_the_innermost_service_is_the_unit(path: str, unit: str | None) -> None:
    assert unit_of([path]) == unit

"""The unit of node_exporter's and systemd_exporter's `name`, from its processes' cgroups alone."""

import pytest

from app.errors import Code, Refused
from app.resolvers.systemd import Systemd
from tests.unit.resolvers.host import ID, Host, found, seen

AT = {"instance": "10.0.0.5:9100"}


@pytest.mark.parametrize(
    "groups",
    [
        ("/system.slice/orders.service",),  # v2
        ("/system.slice/orders.service", "/system.slice"),  # v1: of some hierarchies only the slice
        ("/", "/system.slice/orders.service"),  # hybrid
        ("/system.slice/orders.service/workers",),  # delegated
        ("/orders.slice/orders-eu.slice/orders.service",),
        ("/orders.service",),
    ],
)
def test_a_units_process_is_found_by_its_cgroup(groups: tuple[str, ...]) -> None:
    host = Host((seen(10, "/srv/orders", *groups), seen(11, "/srv/cart", "/system.slice/cart.service")))
    assert found(Systemd(), host, **AT, name="orders.service") == [10]


@pytest.mark.parametrize(
    "group",
    [
        "/system.slice/my-orders.service",
        "/system.slice/orders.service.d",
        "/system.slice/orders@1.service",
        f"/docker/{ID}/system.slice/orders.service",
        f"/system.slice/docker-{ID}.scope/system.slice/orders.service",
        "/lxc.payload.web/system.slice/orders.service",
        "/machine.slice/systemd-nspawn@web.service/payload/system.slice/orders.service",
        "/system.slice/ordersXservice",
    ],
)
def test_another_units_or_a_containers_process_is_not(group: str) -> None:
    assert found(Systemd(), Host((seen(10, "/srv/orders", group),)), **AT, name="orders.service") == []


def test_an_instance_of_a_template_is_that_one_alone() -> None:
    slice_ = "/system.slice/system-orders.slice"
    host = Host((seen(10, "/o", f"{slice_}/orders@1.service"), seen(11, "/o", f"{slice_}/orders@2.service")))
    assert found(Systemd(), host, **AT, name="orders@2.service") == [11]


def test_a_users_unit_is_found_where_the_system_has_none_of_that_name() -> None:
    users = "/user.slice/user-1000.slice/user@1000.service/app.slice/orders.service"
    host = Host((seen(10, "/srv/orders", users),))
    assert found(Systemd(), host, **AT, name="orders.service") == [10]
    both = Host((seen(10, "/srv/orders", users), seen(11, "/srv/orders", "/system.slice/orders.service")))
    assert found(Systemd(), both, **AT, name="orders.service") == [11]


def test_two_users_units_of_one_name_are_both_told() -> None:
    at = "/user.slice/user-{0}.slice/user@{0}.service/app.slice/orders.service"
    host = Host(tuple(seen(uid, "/srv/orders", at.format(uid)) for uid in (1000, 1001)))
    assert found(Systemd(), host, **AT, name="orders.service") == [1000, 1001]


def test_the_main_process_is_meant_and_not_its_workers() -> None:
    group = "/system.slice/orders.service"
    host = Host((seen(10, "/srv/orders", group), seen(11, "/srv/orders", group, parent=10)))
    assert found(Systemd(), host, **AT, name="orders.service") == [10]


@pytest.mark.parametrize("name", ["orders.socket", "backup.timer", "data.mount", "or ders.service", "a/b.service"])
def test_what_is_no_service_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        found(Systemd(), Host(), **AT, name=name)
    assert refused.value.reason.code is Code.PROCESS_NOT_FOUND


def test_a_name_that_is_no_units_is_left_to_others() -> None:
    assert found(Systemd(), Host(), **AT, name="orders") is None
    assert found(Systemd(), Host(), **AT) is None
    assert found(Systemd(), Host(), name="orders.service") is None, "no host"


def test_the_label_may_be_another() -> None:
    host = Host((seen(10, "/srv/orders", "/system.slice/orders.service"),))
    assert found(Systemd(), host, **AT, unit="orders.service") == [10]
    assert found(Systemd(label="service"), host, **AT, service="orders.service") == [10]
    assert found(Systemd(label="service"), host, **AT, name="orders.service") is None

"""Which hosts labels name, which of them is asked, and the two simplest resolvers."""

from dataclasses import replace

import pytest

from app.errors import Code, Refused, Retryable
from app.gate.client import Gate
from app.gate.facts import Seen
from app.resolvers.base import Candidates, gate_for, host_of, hosts_of, split_instance
from app.resolvers.labels import Labels
from app.resolvers.loads import By
from app.resolvers.name import Name
from app.resolvers.top import Top
from tests.unit.resolvers.host import Host, found, seen


@pytest.mark.parametrize(
    ("labels", "hosts"),
    [
        ({"instance": "10.0.0.5:9100"}, ("10.0.0.5",)),
        ({"instance": "[2001:db8::1]:9100"}, ("2001:db8::1",)),
        ({"instance": "2001:db8::1"}, ("2001:db8::1",)),
        ({"instance": "10.244.0.7:80", "node": "worker-1"}, ("10.244.0.7", "worker-1")),
        ({"host": "web-1", "instance": "10.0.0.5:9100", "node": "worker-1"}, ("web-1",)),
        ({"host": "[2001:db8::1]"}, ("2001:db8::1",)),
        ({"host": " ", "instance": "10.0.0.5"}, ("10.0.0.5",)),
        ({"node": "worker-9", "exported_node": "worker-1"}, ("worker-1",)),
        ({"job": "orders"}, ()),
        ({"instance": ":9100"}, ()),
        ({"instance": "localhost:6060", "node": "worker-1"}, ("worker-1",)),
        ({"host": "localhost", "instance": "10.0.0.5:9100"}, ("10.0.0.5",)),
        ({"instance": "[::1%lo]:80", "k8s_node_name": "worker-1"}, ("worker-1",)),
        ({"instance": "0.0.0.0:6060", "node": "127.0.0.1", "host.name": "web-1"}, ("web-1",)),
        ({"instance": "localhost:6060", "node": "127.0.0.1"}, ("localhost", "127.0.0.1")),
        ({"instance": "https://shop.example.com/health"}, ("shop.example.com",)),
        ({"instance": "[fe80::1%eth0]:9100"}, ("fe80::1%eth0",)),
        ({"instance": "[fe80::1%eth0]:9100", "node": "worker-1"}, ("worker-1",)),
        ({"host": "web-1", "exported_host": "shop.example.com"}, ("web-1",)),
        ({"instance": "10.0.0.9:8889", "host_name": "web-1"}, ("web-1", "10.0.0.9")),
        ({"instance": "627cc493-f310-47de-96bd-71410b7dec09", "host_name": "web-1"}, ("web-1",)),
        ({"instance": "627CC493-F310-47DE-96BD-71410B7DEC09"}, ()),
        ({"instance": "10.0.0.9:8889", "exported_instance": "10.0.0.5:8080"}, ("10.0.0.5",)),
        ({"instance": "10.0.0.9:8889", "exported_instance": "627cc493-f310-47de-96bd-71410b7dec09"}, ()),
        ({"instance": "10.0.0.9:8889", "service_instance_id": "10.0.0.5:8080"}, ("10.0.0.5",)),
        ({"instance": "10.0.0.9:8889", "service_instance_id": "shop.cart-0.app"}, ("10.0.0.9",)),
        ({"instance": "10.244.0.7:80", "kubernetes_node": "worker-1"}, ("10.244.0.7", "worker-1")),
        ({"instance": "localhost:9100", "nodename": "web-1"}, ("web-1",)),
        ({"instance": "10.0.0.5:9100", "hostname": "web-1"}, ("10.0.0.5", "web-1")),
        ({"node": "collector-1", "k8s.node.name": "worker-1"}, ("worker-1",)),
    ],
)
def test_the_hosts_that_labels_name_in_their_order(labels: dict[str, str], hosts: tuple[str, ...]) -> None:
    assert hosts_of(labels) == hosts
    assert host_of(labels) == next(iter(hosts), None)


@pytest.mark.parametrize(
    ("instance", "parts"),
    [("h:80", ("h", "80")), ("h", ("h", None)), ("[::1]", ("::1", None)), ("::1", ("::1", None)), ("", (None, None)),
     ("https://h/health", ("h", "443")), ("http://h", ("h", "80")), ("HTTPS://h:8443/a?b=c://d", ("h", "8443")),
     ("http://u:p@[2001:db8::1]:80/", ("2001:db8::1", "80")), ("http://[fe80::1%25eth0]:80/", ("fe80::1%eth0", "80")),
     ("tcp://h:6060", ("h", "6060")), ("h:8080/health", ("h", "8080")), ("h/health", ("h", None)),
     ("unix:///run/x", (None, None)), ("tcp://h", ("h", None)), ("[::1]:", ("::1", None)), ("h:", ("h", None))],
)  # fmt: skip
def test_an_instance_is_a_host_and_a_port(instance: str, parts: tuple[str | None, str | None]) -> None:
    assert split_instance(instance) == parts


def test_a_pods_address_is_no_host_and_its_node_is_asked() -> None:
    assert gate_for(("10.244.0.7", "h"), Host().reach).host == "h"


def test_when_none_is_a_host_the_first_ones_reason_is_told() -> None:
    with pytest.raises(Refused, match=r"10\.244\.0\.7"):
        gate_for(("10.244.0.7", "worker-9"), Host().reach)


@pytest.mark.parametrize(
    "fault", [Retryable(Code.HOST_UNREACHABLE, "no answer"), Refused(Code.HOST_KEY_MISMATCH, "another key")]
)
def test_a_host_of_ours_that_cannot_be_asked_is_not_replaced_by_another(fault: Exception) -> None:
    def reach(host: str, _pid: int = 0) -> Gate:
        if host == "web-1":
            raise fault
        return Host().reach(host)

    with pytest.raises(type(fault)):
        gate_for(("web-1", "h"), reach)


# ---------------------------------------------------------------------- pid, name, top

TWO = Host((seen(10, "/srv/order-mq"), seen(11, "/srv/order-mq-worker")))


def test_a_pid_is_that_process() -> None:
    assert found(Labels(), TWO, host="h", pid="11") == [11]
    assert found(Labels(), TWO, host="h", pid="12") == []


@pytest.mark.parametrize("pid", ["1", "0", "-1", "007", "11; id", "¹¹", "99999999"])
def test_what_is_no_services_pid_is_refused(pid: str) -> None:
    with pytest.raises(Refused):
        found(Labels(), TWO, host="h", pid=pid)


@pytest.mark.parametrize("name", ["/srv/order-mq", "order-mq"])
def test_a_name_is_the_whole_name(name: str) -> None:
    assert found(Name(), TWO, host="h", process=name) == [10]
    assert found(Name(), TWO, host="h", groupname=name) == [10]


@pytest.mark.parametrize("name", ["order", "rder-mq", "order-mq ", "srv/order-mq", "ORDER-MQ", "order-.*"])
def test_a_part_of_a_name_is_not(name: str) -> None:
    assert found(Name(), TWO, host="h", process=name) == []


def test_the_command_name_counts_too_which_the_kernel_cuts_at_fifteen() -> None:
    assert found(Name(), TWO, host="h", groupname="order-mq-worker"[:15]) == [11]


def test_the_labels_name_may_be_another() -> None:
    assert found(Name(label="app"), TWO, host="h", app="order-mq") == [10]
    assert found(Name(label="app"), TWO, host="h", process="order-mq") is None


STARTED = Host((
    seen(20, "/srv/v2/orders-2", argv0="/srv/orders"), seen(21, "/srv/mq", argv0="./mq"),
    seen(22, "/usr/bin/python3.11", argv0="/opt/cart"), seen(23, "", argv0="-ord:er"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "pids"),
    [
        *[("/srv/orders", [20]), ("orders", [20]), ("./mq", [21]), ("mq", [21]), ("cart", [22]), ("/opt/cart", [22])],
        *[("-ord:er", [23]), ("orders-2", [20]), ("cart ", []), ("./orders", []), (".", None), ("/", None)],
    ],
)
def test_what_a_process_was_started_as_is_a_name_of_it(name: str, pids: list[int] | None) -> None:
    """As process-exporter has it: ExeFull is the first word of its command line, ExeBase that word's last part."""
    assert found(Name(), STARTED, host="h", groupname=name) == pids


@pytest.mark.parametrize("label", ["process_executable_path", "process.executable.path", "process_command"])
def test_open_telemetrys_names_of_a_process_find_it(label: str) -> None:
    assert found(Name(), STARTED, host_name="h", **{label: "/srv/orders"}) == [20]
    assert found(Name(), STARTED, host_name="h", **{label: "/srv/order"}) == []


INSIDE = Host((
    seen(7, "/usr/sbin/cron"), seen(20, "/srv/orders", "/docker/x", inner=7), seen(21, "/srv/mq", "/docker/y", inner=7),
    seen(30, "/srv/orders"), seen(1, "/sbin/init"), seen(40, "/srv/cart", "/docker/z", inner=1),
))  # fmt: skip


def test_open_telemetrys_pid_is_counted_where_the_process_is() -> None:
    assert found(Labels(), INSIDE, host_name="h", process_pid="7", process_executable_name="orders") == [20]
    assert found(Labels(), INSIDE, host_name="h", process_pid="30", process_executable_path="/srv/orders") == [30]
    assert found(Labels(), INSIDE, host_name="h", process_pid="1") == [40]
    assert found(Labels(), INSIDE, host_name="h", process_pid="7") == [7, 20, 21], "which of them is not said"


def test_open_telemetrys_pid_of_another_program_by_now_finds_none() -> None:
    assert found(Labels(), INSIDE, host_name="h", process_pid="30", process_executable_name="mq") == []
    with pytest.raises(Refused, match="process_pid"):
        found(Labels(), INSIDE, host_name="h", process_pid="x")


@pytest.mark.parametrize("beside", ["container_id", "k8s_pod_name", "pod", "container.id"])
def test_open_telemetrys_pid_in_a_container_that_is_named_is_left_to_its_resolver(beside: str) -> None:
    assert found(Labels(), INSIDE, host_name="h", process_pid="7", **{beside: "x"}) is None


def ranked(by: By) -> Candidates:
    answer = Top(by).find({"host": "h"}, Busy().reach)
    assert isinstance(answer, Candidates)
    return answer


class Busy(Host):
    """11 uses the processor, 10 holds the memory."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = [0]

    def processes(self) -> tuple[Seen, ...]:
        self.looks[0] += 1
        idle, busy = seen(10, "/srv/cache"), seen(11, "/srv/hot")
        return replace(idle, ticks=9000, rss=900 << 20), replace(busy, ticks=50 * self.looks[0], rss=9 << 20)

    def reach(self, host: str, _pid: int = 0) -> Gate:
        return self  # type: ignore[return-value]


def test_top_ranks_by_what_is_used_now_or_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.resolvers.loads.time.sleep", lambda seconds: None)
    cpu, memory = ranked("cpu"), ranked("memory")
    assert [each.id.pid for each in cpu.processes] == [11, 10]
    assert [each.id.pid for each in memory.processes] == [10, 11]
    assert cpu.ranked and "11 (/srv/hot)" in cpu.how
    assert "10 (/srv/cache) with 900 MiB" in memory.how
    assert Top().find({"job": "node"}, Host().reach) is None

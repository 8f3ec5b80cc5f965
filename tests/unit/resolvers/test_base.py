"""Which hosts labels name, which of them is asked, and the two simplest resolvers."""

from dataclasses import replace

import pytest

from app.errors import Code, Passing, Refusal
from app.hosts.facts import Seen
from app.hosts.gate import Gate
from app.resolvers.base import Found, gate_for, host_of, hosts_of, split_instance
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
    ],
)
def test_the_hosts_that_labels_name_in_their_order(labels: dict[str, str], hosts: tuple[str, ...]) -> None:
    assert hosts_of(labels) == hosts
    assert host_of(labels) == next(iter(hosts), None)


@pytest.mark.parametrize(
    ("instance", "parts"),
    [("h:80", ("h", "80")), ("h", ("h", None)), ("[::1]", ("::1", None)), ("::1", ("::1", None)), ("", (None, None))],
)
def test_an_instance_is_a_host_and_a_port(instance: str, parts: tuple[str | None, str | None]) -> None:
    assert split_instance(instance) == parts


def test_a_pods_address_is_no_host_and_its_node_is_asked() -> None:
    assert gate_for(("10.244.0.7", "h"), Host().reach).host == "h"


def test_when_none_is_a_host_the_first_ones_reason_is_told() -> None:
    with pytest.raises(Refusal, match=r"10\.244\.0\.7"):
        gate_for(("10.244.0.7", "worker-9"), Host().reach)


@pytest.mark.parametrize(
    "fault", [Passing(Code.HOST_UNREACHABLE, "no answer"), Refusal(Code.HOST_KEY_MISMATCH, "another key")]
)
def test_a_host_of_ours_that_cannot_be_asked_is_not_replaced_by_another(fault: Exception) -> None:
    def reach(host: str) -> Gate:
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
    with pytest.raises(Refusal):
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


def ranked(by: By) -> Found:
    answer = Top(by).find({"host": "h"}, Busy().reach)
    assert isinstance(answer, Found)
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

    def reach(self, host: str) -> Gate:
        return self  # type: ignore[return-value]


def test_top_ranks_by_what_is_used_now_or_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.resolvers.loads.time.sleep", lambda seconds: None)
    cpu, memory = ranked("cpu"), ranked("memory")
    assert [each.id.pid for each in cpu.candidates] == [11, 10]
    assert [each.id.pid for each in memory.candidates] == [10, 11]
    assert cpu.ranked and "11 (/srv/hot)" in cpu.how
    assert "10 (/srv/cache) with 900 MiB" in memory.how
    assert Top().find({"job": "node"}, Host().reach) is None

"""Who listens on the port of `instance`: here, in a container, behind Docker's proxy; and who only speaks of others."""

import pytest

from app.errors import Code, Refused
from app.resolvers.port import Port
from tests.unit.resolvers.host import Host, found, seen

INSIDE = seen(20, "/srv/web", addresses=("127.0.0.1", "172.17.0.2", "fd00::2"))
BESIDE = seen(21, "/srv/db", addresses=("127.0.0.1", "172.17.0.3"))
HERE = seen(10, "/srv/orders")


def test_who_listens_on_the_host_is_found() -> None:
    assert found(Port(), Host(listening={6060: (HERE,)}), instance="10.0.0.5:6060") == [10]
    assert found(Port(), Host(listening={6060: (HERE,)}), instance="10.0.0.5:6061") == []


def test_ipv6_is_an_address_like_any_other() -> None:
    host = Host(listening={6060: (HERE,)}, own=("::1", "2001:db8::1"), known_as=("2001:db8::1",))
    assert found(Port(), host, instance="[2001:db8::1]:6060") == [10]


def test_a_containers_address_finds_the_one_that_has_it() -> None:
    host = Host(listening={80: (INSIDE, BESIDE, HERE)})
    assert found(Port(), host, instance="172.17.0.3:80", node="h") == [21]
    assert found(Port(), host, instance="[FD00:0::2]:80", node="h") == [20]


def test_the_hosts_own_address_finds_the_host_and_never_a_container_with_the_same_loopback() -> None:
    host = Host(listening={80: (INSIDE, HERE)})
    assert found(Port(), host, instance="127.0.0.1:80", host="h") == [10]
    with pytest.raises(Refused, match="but inside containers"):
        found(Port(), Host(listening={80: (INSIDE,)}), instance="127.0.0.1:80", host="h")


def test_an_address_that_nobody_there_has_is_not_the_host_that_listens_on_that_port() -> None:
    with pytest.raises(Refused, match=r"172\.17\.0\.99") as refused:
        found(Port(), Host(listening={80: (INSIDE, HERE)}), instance="172.17.0.99:80", node="h")
    assert refused.value.reason.code is Code.PROCESS_NOT_FOUND


def test_a_host_that_is_reached_at_an_address_which_is_not_its_own_listens_itself() -> None:
    nat = Host(listening={80: (HERE,)}, known_as=("203.0.113.9",))
    assert found(Port(), nat, instance="203.0.113.9:80") == [10]


def test_what_systemd_holds_open_for_a_service_is_the_services() -> None:
    init = seen(1, "/usr/lib/systemd/systemd")
    assert found(Port(), Host(listening={80: (init, HERE)}), instance="10.0.0.5:80") == [10]


def test_several_that_listen_are_all_told() -> None:
    assert found(Port(), Host(listening={80: (HERE, seen(11))}), instance="10.0.0.5:80") == [10, 11]


# ---------------------------------------------------------------------- Docker's proxy

V4, V6 = seen(50, "/usr/bin/docker-proxy"), seen(51, "/usr/bin/docker-proxy")
WORDS = "docker-proxy -proto tcp -host-ip {} -host-port 8080 -container-ip {} -container-port {}"


def published(*at: tuple[str, str, str]) -> Host:
    words = {50 + n: WORDS.format(*each) for n, each in enumerate(at)}
    return Host(listening={8080: (V4, V6)[: len(at)], 80: (INSIDE, BESIDE)}, words=words)


def test_a_published_port_is_the_containers() -> None:
    assert found(Port(), published(("0.0.0.0", "172.17.0.2", "80")), instance="10.0.0.5:8080") == [20]


def test_the_two_proxies_for_ipv4_and_ipv6_lead_to_one_process() -> None:
    two = published(("0.0.0.0", "172.17.0.2", "80"), ("::", "172.17.0.2", "80"))
    assert found(Port(), two, instance="10.0.0.5:8080") == [20]


def test_two_containers_published_at_two_addresses_are_told_apart() -> None:
    two = published(("10.0.0.5", "172.17.0.2", "80"), ("127.0.0.1", "172.17.0.3", "80"))
    assert found(Port(), two, instance="10.0.0.5:8080") == [20]
    assert found(Port(), two, instance="127.0.0.1:8080", host="h") == [21]


@pytest.mark.parametrize(
    ("ip", "port"), [("172.17.0.9", "80"), ("172.17.0.2", "81"), ("172.17.0.2", "x"), ("", "99999")]
)
def test_a_proxy_before_nobody_is_refused_by_name(ip: str, port: str) -> None:
    with pytest.raises(Refused, match="docker-proxy") as refused:
        found(Port(), published(("0.0.0.0", ip, port), ("::", ip, port)), instance="10.0.0.5:8080")
    assert refused.value.reason.code is Code.PROCESS_NOT_FOUND


# ---------------------------------------------------------------------- who speaks of others


@pytest.mark.parametrize(
    "name", ["node_exporter", "prometheus-node-exporter", "cadvisor", "kubelet", "process-exporter"]
)
def test_an_exporter_is_not_what_the_alert_is_about(name: str) -> None:
    host = Host(listening={9100: (seen(10, f"/usr/bin/{name}"),)})
    with pytest.raises(Refused, match="kind: top"):
        found(Port(), host, instance="10.0.0.5:9100")
    assert found(Port(exporters=True), host, instance="10.0.0.5:9100") == [10]


def test_a_service_that_is_called_alike_is_no_exporter() -> None:
    assert found(Port(), Host(listening={80: (seen(10, "/srv/node_exporter2"),)}), instance="10.0.0.5:80") == [10]


@pytest.mark.parametrize(
    "name", ["mysqld_exporter", "redis-exporter", "acme_exporter-1.8", "PG_Exporter", "pushgateway"]
)
def test_an_exporter_that_nobody_has_heard_of_is_known_by_its_name(name: str) -> None:
    host = Host(listening={9104: (seen(10, f"/opt/{name}"),)})
    with pytest.raises(Refused, match="an exporter by its name"):
        found(Port(), host, instance="10.0.0.5:9104", job="mysql")
    assert found(Port(exporters=True), host, instance="10.0.0.5:9104", job="mysql") == [10]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        *(("job", job) for job in ("mysqld-exporter", "integrations/node_exporter", "node", "PostgresExporter")),
        *(("exported_job", "nightly"), ("mountpoint", "/srv"), ("ifName", "eth0"), ("datname", "shop")),
    ],
)
def test_what_speaks_about_others_is_known_by_the_job_and_the_alerts_labels(label: str, said: str) -> None:
    host, labels = Host(listening={9104: (seen(10, "/opt/agent"),)}), {"instance": "10.0.0.5:9104", label: said}
    with pytest.raises(Refused, match="about what it watches") as refused:
        found(Port(), host, **labels)
    assert f"{label}={said}" in refused.value.reason.message
    assert found(Port(exporters=True), host, **labels) == [10]


@pytest.mark.parametrize(
    "labels",
    [
        *({"job": job} for job in ("orders", "node-api", "exporters")),
        *({"job": "orders", label: "x"} for label in ("exported_service", "exported_endpoint", "topic", "queue")),
    ],
)
def test_a_service_that_speaks_about_itself_is_meant_whatever_its_labels(labels: dict[str, str]) -> None:
    host = Host(listening={8080: (seen(10, "/srv/orders"),)})
    assert found(Port(), host, instance="10.0.0.5:8080", **labels) == [10]


# ---------------------------------------------------------------------- other ways of writing where it is


@pytest.mark.parametrize("at", ["localhost", "127.0.0.1", "127.0.0.53", "[::1]", "0.0.0.0", "[::]"])
def test_a_loopback_name_is_the_host_that_another_label_names(at: str) -> None:
    host = Host(listening={6060: (INSIDE, HERE)}, known_as=("worker-1",))
    assert found(Port(), host, instance=f"{at}:6060", node="worker-1") == [10]
    with pytest.raises(Refused, match="worker-2"):
        found(Port(), Host(known_as=(at.strip("[]"),)), instance=f"{at}:6060", node="worker-2")


def test_a_zone_is_the_scrapers_and_the_address_is_the_hosts() -> None:
    host = Host(listening={6060: (INSIDE, HERE)}, own=("fe80::5",), known_as=("worker-1",))
    assert found(Port(), host, instance="[fe80::5%eth0]:6060", node="worker-1") == [10]


@pytest.mark.parametrize("job", ["blackbox", "blackbox-exporter"])
def test_what_was_probed_by_its_url_is_meant(job: str) -> None:
    host = Host(listening={443: (HERE,), 8443: (seen(11),)})
    assert found(Port(), host, instance="https://10.0.0.5/health", job=job) == [10]
    assert found(Port(), host, instance="https://10.0.0.5:8443/health", job=job) == [11]


def test_the_instance_that_a_collector_passed_on_is_meant_and_not_the_collector() -> None:
    host = Host(listening={8889: (seen(12, "/usr/bin/otelcol"),), 8080: (HERE,)})
    assert found(Port(), host, instance="10.0.0.5:8889", exported_instance="10.0.0.5:8080") == [10]
    assert found(Port(), host, instance="10.0.0.5:8889", service_instance_id="10.0.0.5:8080") == [10]
    uuid = "627cc493-f310-47de-96bd-71410b7dec09"
    assert found(Port(), host, instance="10.0.0.5:8889", exported_instance=uuid, host_name="h") is None


@pytest.mark.parametrize("port", ["0", "65536", "http", "８０", "80;id"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(Refused, match="names no port"):
        found(Port(), Host(), instance=f"10.0.0.5:{port}")


def test_labels_without_a_port_are_left_to_others() -> None:
    assert found(Port(), Host(), instance="10.0.0.5") is None
    assert found(Port(), Host(), host="h") is None

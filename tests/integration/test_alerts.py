"""Any alert finds its process: the labels that each exporter sends, on every kind of process there is. All of it real:
sshd, the targets, their control groups and namespaces. What only pretends is said where it is made: systemd, Docker and
the kubelet do not run here, so the cgroups and files that they would have made are made as they make them.

Labels as node_exporter 1.5 and process-exporter 0.7.10 answer, and as documented of systemd_exporter 0.7, cAdvisor and
kube-state-metrics 2. docs/alerts.md has the table of what is shown here.
"""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.integration.scene import Scene, alert, codes, kinds
from tests.lab import ports
from tests.lab.cgroups import Cgroup, hierarchy
from tests.lab.container import RUNTIME, Contained, Oci
from tests.lab.process import Process, eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service

SEVEN = {"cpu", "heap", "mutex", "block", "threadcreate", "trace", "goroutine"}
TOGGLED = ["usr2", "start", "usr1", "usr2", "stop"]  # one recording, and the goroutine dump
HOST = "127.0.0.1"
BY = ("cpu", "memory")
NODE = "node-a"  # the cluster's name for this machine

# Docker's and the kubelet's files, seen by nobody but this sshd and its sessions.
OWN_FILES = 'mount --bind "$1" /var/lib && mount --bind "$2" /var/log && shift 2 && exec "$@"'

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and control groups are made by root only: run as root"),
    pytest.mark.skipif(
        os.geteuid() == 0 and hierarchy() is None, reason="no cgroup hierarchy here takes new groups (read-only?)"
    ),
    pytest.mark.skipif(not shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin"), reason="ip is missing: iproute2"),
]


class Place(Scene):
    """The scene, with a way to this machine by three names, and what Docker and the kubelet would have written."""

    def __init__(self, folder: Path) -> None:
        self.lib, self.log, self.top = folder / "lib", folder / "log", folder / "top"
        for each in (self.lib / "docker/containers", self.log / "containers", self.log / "pods"):
            each.mkdir(parents=True)
        self.six = Sshd(folder / "sshd6", listen="::1").__enter__()
        within = ["unshare", "--mount", "sh", "-c", OWN_FILES, "sh", str(self.lib), str(self.log)]
        six = {"match": "::1", "port": self.six.port, "known_hosts_file": str(self.six.known_hosts)}
        ours = {"exe": f"^({self.top}|{Path(sys.executable).resolve()})"}  # others are at work on this machine too
        super().__init__(
            folder,
            sshd={"within": within},
            config={
                "hosts": [six | {"identity_file": str(self.six.client_key)}, {"match": NODE, "address": HOST}],
                "limits": {"cooldown": "0s", "per_host": 16, "per_service": 16, "per_hour": 10_000},
                "rules": [
                    *(rule(f"take {take}", f'take="{take}"', take=take) for take in ("newest", "oldest", "cpu", "all")),
                    *(rule(f"top {by}", f'top="{by}"', resolvers=[{"kind": "top", "by": by}], only=ours) for by in BY),
                    rule("the exporter itself", 'itself="yes"', resolvers=[{"kind": "port", "exporters": True}]),
                    rule("every alert", 'alertname!=""'),
                ],
            },
        )

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self.six.__exit__(*exc)

    def docker_knows(self, id_: str, name: str, image: str, **labels: str) -> None:
        """As Docker 28 writes it, as far as that matters."""
        config = {
            "State": {"Running": True, "Pid": 1},
            "ID": id_,
            "Image": f"sha256:{secrets.token_hex(32)}",
            "Config": {"Hostname": id_[:12], "Env": ["SECRET=1"], "Image": image, "Labels": labels},
            "Name": f"/{name}",
            "MountPoints": {"/data": {"Name": "a-volume", "Driver": "local"}},
        }
        (self.lib / "docker/containers" / id_).mkdir()
        (self.lib / "docker/containers" / id_ / "config.v2.json").write_text(json.dumps(config, separators=(",", ":")))

    def kubelet_keeps(self, namespace: str, pod: str, uid: str, container: str, id_: str) -> None:
        """The link to a container's log."""
        link = self.log / "containers" / f"{pod}_{namespace}_{container}-{id_}.log"
        link.symlink_to(f"/var/log/pods/{namespace}_{pod}_{uid}/{container}/0.log")

    def one(self, **labels: Any) -> dict[str, Any]:
        """The capture that an alert with these labels led to."""
        (capture,) = self.captured(alert(secrets.token_hex(8), **labels))
        return capture


def rule(name: str, matcher: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "matchers": [matcher], "duration": "1s", "cooldown": "0s", **more}


S = TypeVar("S", bound=Service)


@dataclass
class Lab:
    """What a test runs beside the scene; all of it ends with the test."""

    place: Place
    folder: Path
    stack: ExitStack
    run: list[Service] = field(default_factory=list)

    def bare(self, called: str = "", *, at: str = "bare", linked: str = "", **env: str) -> Service:
        folder, called = self.folder / f"{at}-{len(self.run)}", called or f"ord-{secrets.token_hex(4)}"
        return self.keep(Service("toggle", folder, env=env, called=called, linked=linked))

    def unit(self, unit: str, *, inside: str = "/system.slice", private_tmp: bool = False) -> Service:
        """A unit's process. systemd does not run here: the cgroup is made as systemd would have made it."""
        folder = self.folder / f"unit-{len(self.run)}"
        called = f"ord-{secrets.token_hex(4)}"
        if private_tmp:
            return self.keep(Contained(folder, f"{inside}/{unit}", private_tmp_only=True, called=called))
        group = self.stack.enter_context(Cgroup(f"{inside}/{unit}"))
        service = self.keep(Service("toggle", folder, called=called))
        group.add(service.pid)
        return service

    def container(self, cgroup: str, address: str = "", **more: Any) -> Contained:
        folder = self.folder / f"container-{len(self.run)}"
        made = Contained(folder, cgroup, address=address, called=f"ord-{secrets.token_hex(4)}", **more)
        self.keep(made)
        return made

    def process(self, *argv: str | Path, **env: str) -> Process:
        log = self.folder / f"process-{secrets.token_hex(4)}.log"
        return self.stack.enter_context(Process(argv, log, env=env))

    def group(self, path: str) -> Cgroup:
        return self.stack.enter_context(Cgroup(path))

    def keep(self, service: S) -> S:
        self.stack.callback(service.stop)
        self.run.append(service)
        return service

    def untouched(self) -> bool:
        """Nothing that this test runs was sent a signal."""
        return all(service.alive and service.events() == [] for service in self.run)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("alerts") / "scene") as made:
        yield made


@pytest.fixture
def lab(place: Place, tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        yield Lab(place, tmp_path, stack)


def hex64() -> str:
    return secrets.token_hex(32)


def recorded(capture: dict[str, Any], service: Service, by: str, **more: str | None) -> None:
    """This very process was found by this resolver, recorded once, and its seven files came home."""
    assert capture["state"] == "completed", capture["reason"]
    assert (capture["target"]["pid"], capture["target"]["resolved_by"]) == (service.pid, by)
    assert {key: capture["target"][key] for key in more} == more
    assert kinds(capture) == SEVEN
    assert [event.what for event in service.events()] == TOGGLED
    assert list(service.tmp.iterdir()) == [], "our files are still there"


def refused(capture: dict[str, Any], code: str, *words: str) -> None:
    assert (capture["state"], codes([capture])) == ("failed", [code]), capture["reason"]
    for word in words:
        assert word in capture["reason"]["message"]


# ---------------------------------------------------------------------- a process on the host


def test_a_go_clients_instance_finds_a_bare_process(lab: Lab) -> None:
    service = lab.bare()
    recorded(lab.place.one(instance=service.instance, job="orders"), service, "port", unit=None, container=None)


def test_a_go_clients_instance_where_nobody_listens_finds_nothing(lab: Lab) -> None:
    lab.bare()
    refused(lab.place.one(instance=f"{HOST}:{ports.free()}", job="orders"), "process_not_found")
    assert lab.untouched()


def test_an_ipv6_instance_finds_its_process(lab: Lab) -> None:
    service = lab.stack.enter_context(six(lab.folder / "six"))
    recorded(lab.place.one(instance=f"[::1]:{service.port}", job="orders"), service, "port")


def test_an_ipv6_instance_where_nobody_listens_finds_nothing(lab: Lab) -> None:
    lab.bare()
    refused(lab.place.one(instance=f"[::1]:{ports.free()}", job="orders"), "process_not_found")
    assert lab.untouched()


def six(folder: Path) -> Service:
    return SixService("toggle", folder, env={"LISTEN": "::1"})


class SixService(Service):
    """Listens on ::1 alone."""

    def _ready(self) -> bool:
        return "READY" in self.process.log.read_text()


def test_process_exporters_groupname_finds_a_bare_process(lab: Lab) -> None:
    service = lab.bare()
    groupname = Path(service.process.argv[0]).name
    recorded(lab.place.one(instance=f"{HOST}:9256", job="process", groupname=groupname), service, "name")


def test_a_part_of_a_groupname_finds_nothing(lab: Lab) -> None:
    service = lab.bare()
    part = Path(service.process.argv[0]).name[:-1]
    refused(lab.place.one(instance=f"{HOST}:9256", job="process", groupname=part), "process_not_found")
    assert lab.untouched()


@pytest.mark.parametrize("full", [True, False], ids=["ExeFull", "ExeBase"])
def test_process_exporters_exe_full_and_exe_base_are_what_a_process_was_started_as(lab: Lab, full: bool) -> None:
    linked = f"lnk-{secrets.token_hex(4)}"
    service = lab.bare(linked=linked)
    groupname = f"./{linked}" if full else linked
    recorded(lab.place.one(instance=f"{HOST}:9256", job="process", groupname=groupname), service, "name")


def test_open_telemetrys_number_and_name_find_a_bare_process(lab: Lab) -> None:
    service, beside = lab.bare(), lab.bare()
    labels = {"instance": "627cc493-f310-47de-96bd-71410b7dec09", "job": "shop/orders", "service_name": "orders"}
    process = {"host_name": HOST, "process_pid": service.pid, "process_executable_name": called(service)}
    recorded(lab.place.one(**labels, **process), service, "labels")
    refused(lab.place.one(**labels, **process | {"process_executable_name": called(beside)}), "process_not_found")
    assert beside.events() == []


# ---------------------------------------------------------------------- a place written in another way


def test_a_loopback_instance_is_that_of_the_node_which_another_label_names(lab: Lab) -> None:
    service = lab.bare()
    recorded(lab.place.one(instance=f"localhost:{service.port}", job="orders", node=NODE), service, "port")


@pytest.mark.parametrize("at", ["localhost", HOST, "[::1]", "0.0.0.0"])
def test_a_loopback_instance_is_never_this_machines_where_another_host_is_named(lab: Lab, at: str) -> None:
    service = lab.bare()
    capture = lab.place.one(instance=f"{at}:{service.port}", job="orders", node="node-b")
    refused(capture, "host_not_allowed", "node-b")
    assert lab.untouched()


def test_a_url_that_was_probed_finds_who_serves_it(lab: Lab) -> None:
    service = lab.bare()
    recorded(lab.place.one(instance=f"{service.url}/health?deep=1", job="blackbox"), service, "port")


# ---------------------------------------------------------------------- a host: who uses most


def test_a_host_alert_with_top_by_cpu_finds_the_busiest_that_can_be_profiled(lab: Lab) -> None:
    lab.bare()
    hot = lab.bare(at=f"{lab.place.top}/cpu", HOT="1")
    capture = lab.place.one(instance=f"{HOST}:9100", job="node", top="cpu")
    recorded(capture, hot, "top")


def test_a_host_alert_with_top_by_memory_names_the_bigger_one_that_cannot_be_profiled(lab: Lab) -> None:
    hold = "b = bytearray(600 << 20); b[::4096] = b'x' * len(b[::4096]); print('READY', flush=True); import time; "
    python = lab.process(sys.executable, "-c", f"{hold}time.sleep(600)")
    python.until(lambda: "READY" in python.log.read_text(), "it holds its memory")
    big = lab.bare(at=f"{lab.place.top}/memory", BALLAST="450")
    capture = lab.place.one(instance=f"{HOST}:9100", job="node", top="memory")
    recorded(capture, big, "top")
    said = " ".join(entry["message"] for entry in capture["timeline"])
    assert f"pid {python.pid} " in said, "it says who uses more"
    assert python.alive


def test_a_host_alert_without_top_is_refused_with_the_remedy(lab: Lab) -> None:
    exporter = lab.bare(called="node_exporter")
    refused(lab.place.one(instance=exporter.instance, job="node"), "process_not_found", "kind: top")
    assert lab.untouched()


def test_an_exporter_that_is_itself_meant_is_found(lab: Lab) -> None:
    exporter = lab.bare(called="node_exporter")
    recorded(lab.place.one(instance=exporter.instance, job="node", itself="yes"), exporter, "port")


def test_an_exporter_that_nobody_has_heard_of_is_refused_with_the_remedy(lab: Lab) -> None:
    exporter = lab.bare(called="acme_exporter")
    refused(lab.place.one(instance=exporter.instance, job="acme"), "process_not_found", "exporters: true")
    agent = lab.bare()
    refused(lab.place.one(instance=agent.instance, exported_job="acme"), "process_not_found", "exported_job=acme")
    assert lab.untouched()


# ---------------------------------------------------------------------- a systemd unit


@pytest.fixture(params=["unit", "PrivateTmp"])
def unit(request: pytest.FixtureRequest, lab: Lab) -> tuple[Service, str]:
    """A unit's process and the unit's name; with PrivateTmp its files are in a /tmp that only it sees."""
    name = f"alertprof-{secrets.token_hex(4)}.service"
    return lab.unit(name, private_tmp=request.param == "PrivateTmp"), name


def test_node_exporters_unit_finds_its_process(lab: Lab, unit: tuple[Service, str]) -> None:
    service, name = unit
    labels = {"instance": f"{HOST}:9100", "job": "node", "name": name, "state": "active", "type": "simple"}
    recorded(lab.place.one(**labels), service, "systemd", unit=name, container=None)


def test_systemd_exporters_unit_finds_its_process(lab: Lab, unit: tuple[Service, str]) -> None:
    service, name = unit
    labels = {"instance": f"{HOST}:9558", "job": "systemd", "name": name, "type": "service", "mode": "user"}
    recorded(lab.place.one(**labels), service, "systemd", unit=name)


def test_cadvisors_id_of_a_unit_finds_its_process(lab: Lab, unit: tuple[Service, str]) -> None:
    service, name = unit
    labels = {"instance": f"{HOST}:8080", "job": "cadvisor", "id": f"/system.slice/{name}"}
    recorded(lab.place.one(**labels), service, "container", unit=name, container=None)


def test_a_go_clients_instance_finds_a_units_process(lab: Lab, unit: tuple[Service, str]) -> None:
    service, name = unit
    recorded(lab.place.one(instance=service.instance, job="orders"), service, "port", unit=name)


def test_process_exporters_groupname_finds_a_units_process(lab: Lab, unit: tuple[Service, str]) -> None:
    service, name = unit
    (called,) = {path.name for path in service.event_log.parent.glob("ord-*")}
    recorded(lab.place.one(instance=f"{HOST}:9256", job="process", groupname=called), service, "name", unit=name)


def test_an_instance_of_a_template_finds_its_process(lab: Lab) -> None:
    name = f"alertprof-{secrets.token_hex(4)}@7.service"
    service = lab.unit(
        name, inside=f"/system.slice/system-{name.partition('@')[0].replace('-', chr(92) + 'x2d')}.slice"
    )
    recorded(
        lab.place.one(instance=f"{HOST}:9100", job="node", name=name, state="active"), service, "systemd", unit=name
    )


def test_another_unit_finds_nothing(lab: Lab, unit: tuple[Service, str]) -> None:
    _, name = unit
    other = name.replace("alertprof-", "prof-")  # the end of the name that there is
    for labels in (
        {"job": "node", "name": other, "state": "active"},
        {"job": "cadvisor", "id": f"/system.slice/{other}"},
    ):
        refused(lab.place.one(instance=f"{HOST}:9100", **labels), "process_not_found")
    refused(lab.place.one(instance=f"{HOST}:9100", name=name.replace(".service", ".socket")), "process_not_found")
    assert lab.untouched()


def test_a_unit_of_that_name_inside_a_container_is_another_one(lab: Lab) -> None:
    name = f"alertprof-{secrets.token_hex(4)}.service"
    lab.container(f"/docker/{hex64()}/system.slice/{name}")
    refused(lab.place.one(instance=f"{HOST}:9100", job="node", name=name, state="active"), "process_not_found")
    assert lab.untouched()


# ---------------------------------------------------------------------- a container

FORMS = {
    "docker": "/docker/{}",
    "docker-systemd": "/system.slice/docker-{}.scope",
    "podman": "/machine.slice/libpod-{}.scope/container",
    "containerd": "/system.slice/containerd.service/default/{}",
}


@pytest.mark.parametrize("form", FORMS)
def test_cadvisors_id_finds_a_containers_first_process(lab: Lab, form: str) -> None:
    id_ = hex64()
    path = FORMS[form].format(id_)
    service = lab.container(path)
    id_label, at = path.removesuffix("/container"), f"{HOST}:8080"
    (new,) = lab.place.deliver(
        alert(secrets.token_hex(8), instance=at, job="cadvisor", id=id_label, name="web", image="web:1")
    )["captures"]
    names = eventually(lambda: [file.name for file in service.tmp.iterdir()], "there are files")
    assert all("-1-" in name for name in names), "their names have its own number, which is 1"
    recorded(lab.place.service.wait_capture(new), service, "container", container=id_, unit=None)


@pytest.mark.skipif(not shutil.which(RUNTIME), reason=f"{RUNTIME} is missing: apt-get install {RUNTIME}")
def test_a_container_of_a_real_runtime_is_found_by_cadvisors_id(lab: Lab) -> None:
    id_ = hex64()
    path = f"/docker-{id_}.scope"
    service = lab.keep(Oci(lab.folder / "bundle", id_, path))
    capture = lab.place.one(instance=f"{HOST}:8080", job="cadvisor", id=path, name="web", image="web:1")
    recorded(capture, service, "container", container=id_)


def test_another_containers_id_finds_nothing(lab: Lab) -> None:
    lab.container(f"/docker/{hex64()}")
    labels = {"instance": f"{HOST}:8080", "job": "cadvisor", "name": "web"}
    refused(lab.place.one(**labels, id=f"/docker/{hex64()}"), "process_not_found")
    assert lab.untouched()


def test_cadvisors_name_image_and_labels_find_dockers_container(lab: Lab) -> None:
    id_, name = hex64(), f"web-{secrets.token_hex(4)}"
    lab.place.docker_knows(id_, name, "registry.example/web:1.2", **{"com.docker.compose.service": name})
    service = lab.container(f"/docker/{id_}")
    about = {"name": name, "image": "registry.example/web:1.2", "container_label_com_docker_compose_service": name}
    recorded(lab.place.one(instance=f"{HOST}:8080", job="cadvisor", **about), service, "container", container=id_)


def test_another_name_image_or_label_finds_nothing(lab: Lab) -> None:
    id_, name = hex64(), f"web-{secrets.token_hex(4)}"
    lab.place.docker_knows(id_, name, "registry.example/web:1.2", **{"com.docker.compose.service": name})
    lab.container(f"/docker/{id_}")
    about = {"name": name, "image": "registry.example/web:1.2", "container_label_com_docker_compose_service": name}
    for label, said in about.items():
        capture = lab.place.one(instance=f"{HOST}:8080", job="cadvisor", **about | {label: f"{said}x"})
        refused(capture, "process_not_found")
    assert lab.untouched()


def test_a_process_put_into_a_container_and_a_shell_around_its_service_are_not_meant(lab: Lab) -> None:
    id_ = hex64()
    service = lab.container(f"/docker/{id_}", shell_first=True)
    service.put_in("sleep", "600")
    assert service.pid != service.first
    capture = lab.place.one(instance=f"{HOST}:8080", job="cadvisor", id=f"/docker/{id_}", name="web", image="web:1")
    recorded(capture, service, "container", container=id_)


def test_a_starter_that_stays_the_parent_is_passed_through(lab: Lab) -> None:
    id_, starter = hex64(), f"dop-{secrets.token_hex(4)}"
    service = lab.container(f"/docker/{id_}", starter=starter)
    assert service.pid != service.first
    capture = lab.place.one(instance=f"{HOST}:8080", job="cadvisor", id=f"/docker/{id_}", name="web", image="web:1")
    recorded(capture, service, "container", container=id_)
    assert f"started by {service.first} (/mnt/{starter})" in " ".join(each["message"] for each in capture["timeline"])


def test_open_telemetrys_number_inside_a_container_is_not_the_hosts(lab: Lab) -> None:
    id_ = hex64()
    service = lab.container(f"/docker/{id_}")
    labels = {"host_name": HOST, "process_pid": 1, "process_executable_name": called(service), "job": "orders"}
    recorded(lab.place.one(**labels, container_id=id_), service, "container", container=id_)
    assert lab.place.one(**labels)["target"]["pid"] == service.pid, "its name tells which of all that are number 1"


def test_process_exporters_groupname_finds_a_containers_process(lab: Lab) -> None:
    id_ = hex64()
    service = lab.container(f"/docker/{id_}")
    groupname = Path(f"/proc/{service.pid}/comm").read_text().strip()
    capture = lab.place.one(instance=f"{HOST}:9256", job="process", groupname=groupname)
    recorded(capture, service, "name", container=id_)


def test_a_go_clients_address_of_a_container_finds_its_process_and_not_the_hosts_on_that_port(lab: Lab) -> None:
    id_ = hex64()
    service = lab.container(f"/docker/{id_}", "172.31.9.2")
    other = lab.container(f"/docker/{hex64()}", "172.31.9.3", port=service.port)
    beside = lab.bare(PORT=str(service.port))
    capture = lab.place.one(instance=service.instance, job="orders", node=NODE)
    recorded(capture, service, "port", container=id_)
    assert (other.events(), beside.events()) == ([], [])


def test_an_address_that_no_container_has_finds_nothing_even_if_the_host_listens_on_that_port(lab: Lab) -> None:
    service = lab.container(f"/docker/{hex64()}", "172.31.9.2")
    lab.bare(PORT=str(service.port))
    capture = lab.place.one(instance=f"172.31.9.77:{service.port}", job="orders", node=NODE)
    refused(capture, "process_not_found", "172.31.9.77")
    assert lab.untouched()


@pytest.fixture
def published(lab: Lab) -> Callable[[str, int], str]:
    """published(address, port): the instance at which Docker's proxies, one for IPv4 and one for IPv6, publish it. The
    proxies here listen and pass nothing on: nobody asks them to."""

    def publish(address: str, port: int) -> str:
        outer = ports.free()
        program = lab.folder / "docker-proxy"
        if not program.exists():
            shutil.copy(Path(sys.executable).resolve(), program)
        for family, ip in (("AF_INET", "0.0.0.0"), ("AF_INET6", "::")):
            listen = (
                f"import socket, time; s = socket.socket(socket.{family}); "
                f"{'s.setsockopt(41, 26, 1); ' if family == 'AF_INET6' else ''}"
                f"s.bind(({ip!r}, {outer})); s.listen(); print('READY', flush=True); time.sleep(600)"
            )
            words = f"-proto tcp -host-ip {ip} -host-port {outer} -container-ip {address} -container-port {port}"
            proxy = lab.process(program, "-c", listen, *words.split(), PYTHONHOME=sys.base_prefix)
            proxy.until(lambda proxy=proxy: "READY" in proxy.log.read_text(), "the proxy listens")  # type: ignore[misc]
        return f"{HOST}:{outer}"

    return publish


def test_a_port_that_docker_publishes_finds_the_containers_process(
    lab: Lab, published: Callable[[str, int], str]
) -> None:
    id_ = hex64()
    service = lab.container(f"/docker/{id_}", "172.31.9.2")
    lab.container(f"/docker/{hex64()}", "172.31.9.3", port=service.port)
    instance = published("172.31.9.2", service.port)
    recorded(lab.place.one(instance=instance, job="orders"), service, "port", container=id_)


def test_a_published_port_of_a_container_that_is_gone_finds_nothing(
    lab: Lab, published: Callable[[str, int], str]
) -> None:
    other = lab.container(f"/docker/{hex64()}", "172.31.9.3")
    instance = published("172.31.9.2", other.port)
    refused(lab.place.one(instance=instance, job="orders"), "process_not_found", "docker-proxy", "container")
    assert lab.untouched()


# ---------------------------------------------------------------------- a pod


@dataclass
class Pod:
    """A pod of two containers and the sandbox that keeps it, as containerd with systemd's cgroups has them."""

    name: str
    uid: str
    app: Contained
    app_id: str
    path: str

    @property
    def labels(self) -> dict[str, str]:
        return {"namespace": "shop", "pod": self.name, "container": "app"}


@pytest.fixture
def pod(lab: Lab) -> Pod:
    uid = f"{secrets.token_hex(4)}-0000-4000-8000-{secrets.token_hex(6)}"
    name, ids = f"orders-{secrets.token_hex(3)}", [hex64(), hex64(), hex64()]
    slice_ = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid.replace('-', '_')}.slice"
    paths = [f"{slice_}/cri-containerd-{id_}.scope" for id_ in ids]
    pause = lab.process(shutil.copy("/bin/sleep", lab.folder / "pause"), "600")
    lab.group(paths[2]).add(pause.pid)
    app, _ = lab.container(paths[0], "10.244.1.7"), lab.container(paths[1])
    for container, id_ in zip(("app", "sidecar"), ids, strict=False):
        lab.place.kubelet_keeps("shop", name, uid, container, id_)
    return Pod(name, uid, app, ids[0], paths[0])


def test_the_kubelets_cadvisor_finds_a_pods_container(lab: Lab, pod: Pod) -> None:
    image = {"id": pod.path, "name": pod.app_id, "image": "registry.example/orders:1"}
    capture = lab.place.one(instance="192.0.2.7:10250", job="kubelet", node=NODE, **pod.labels, **image)
    recorded(capture, pod.app, "container", container=pod.app_id)


def test_kube_state_metrics_finds_a_pods_container_on_its_node(lab: Lab, pod: Pod) -> None:
    labels = {"instance": "10.244.0.9:8080", "job": "kube-state-metrics", "uid": pod.uid, "node": NODE, **pod.labels}
    recorded(lab.place.one(**labels), pod.app, "pod", container=pod.app_id)


def test_kube_state_metrics_container_id_finds_it(lab: Lab, pod: Pod) -> None:
    labels = {"instance": "10.244.0.9:8080", "job": "kube-state-metrics", "uid": pod.uid, "node": NODE, **pod.labels}
    capture = lab.place.one(**labels, container_id=f"containerd://{pod.app_id}")
    recorded(capture, pod.app, "container", container=pod.app_id)


def test_what_kube_state_metrics_exported_is_meant_and_not_where_it_runs_itself(lab: Lab, pod: Pod) -> None:
    itself = {
        "namespace": "monitoring",
        "pod": "kube-state-metrics-0",
        "container": "kube-state-metrics",
        "node": "node-b",
    }
    exported = {f"exported_{name}": value for name, value in {**pod.labels, "node": NODE}.items()}
    capture = lab.place.one(instance="10.244.0.9:8080", job="kube-state-metrics", uid=pod.uid, **itself, **exported)
    recorded(capture, pod.app, "pod", container=pod.app_id)


def test_a_pods_uid_is_enough_where_the_kubelet_keeps_no_logs(lab: Lab) -> None:
    uid, id_ = f"{secrets.token_hex(4)}-0000-4000-8000-{secrets.token_hex(6)}", hex64()
    app = lab.container(f"/kubepods/besteffort/pod{uid}/{id_}")
    pause = lab.process(shutil.copy("/bin/sleep", lab.folder / "pause"), "600")
    lab.group(f"/kubepods/besteffort/pod{uid}/{hex64()}").add(pause.pid)
    labels = {"namespace": "shop", "pod": "cart-0", "container": "app", "uid": uid, "node": NODE}
    recorded(lab.place.one(instance="10.244.0.9:8080", **labels), app, "pod", container=id_)


def test_a_go_clients_instance_in_a_pod_finds_its_process(lab: Lab, pod: Pod) -> None:
    capture = lab.place.one(instance=pod.app.instance, job="orders", node=NODE, **pod.labels)
    recorded(capture, pod.app, "pod", container=pod.app_id)


def test_open_telemetrys_labels_find_a_pods_container_and_not_the_collectors(lab: Lab, pod: Pod) -> None:
    collector = {"instance": "10.244.0.9:8889", "namespace": "monitoring", "pod": "collector-0", "node": "node-b"}
    said = {"k8s_namespace_name": "shop", "k8s_pod_name": pod.name, "k8s_container_name": "app", "k8s_node_name": NODE}
    capture = lab.place.one(job="shop/orders", process_pid=1, **collector, **said)
    recorded(capture, pod.app, "pod", container=pod.app_id)


def test_old_kubelets_labels_find_a_pods_container(lab: Lab, pod: Pod) -> None:
    labels = {"namespace": "shop", "pod_name": pod.name, "container_name": "app", "kubernetes_io_hostname": NODE}
    recorded(lab.place.one(instance="192.0.2.7:10250", job="kubelet", **labels), pod.app, "pod", container=pod.app_id)


def test_a_pods_sandbox_is_refused_as_what_it_is(lab: Lab, pod: Pod) -> None:
    labels = {"namespace": "shop", "pod": pod.name, "container": "POD", "node": NODE, "instance": "192.0.2.7:10250"}
    refused(lab.place.one(**labels), "process_not_found", "sandbox", 'container!="POD"')
    refused(lab.place.one(**labels, id=pod.path), "process_not_found", "sandbox")
    assert lab.untouched()


def test_process_exporters_groupname_finds_a_pods_process(lab: Lab, pod: Pod) -> None:
    groupname = Path(f"/proc/{pod.app.pid}/comm").read_text().strip()
    capture = lab.place.one(instance="192.0.2.7:9256", job="process", node=NODE, groupname=groupname)
    recorded(capture, pod.app, "name", container=pod.app_id)


def test_another_pod_container_or_uid_finds_nothing(lab: Lab, pod: Pod) -> None:
    labels = {"instance": "10.244.0.9:8080", "node": NODE, "uid": pod.uid, **pod.labels}
    for wrong in ({"pod": pod.name[:-1]}, {"container": "ap"}, {"namespace": "sho"}, {"uid": pod.uid[:-1] + "x"}):
        refused(lab.place.one(**labels | wrong), "process_not_found")
    assert lab.untouched()


def test_a_pod_without_its_container_is_refused_with_both(lab: Lab, pod: Pod) -> None:
    capture = lab.place.one(instance="10.244.0.9:8080", node=NODE, namespace="shop", pod=pod.name)
    refused(capture, "process_ambiguous", str(pod.app.pid), str(lab.run[1].pid))
    assert lab.untouched()


def test_a_pod_without_a_node_is_refused_with_the_remedy(lab: Lab, pod: Pod) -> None:
    refused(lab.place.one(instance="10.244.0.9:8080", **pod.labels), "host_unknown", "node", "kube_pod_info")
    assert lab.untouched()


# ---------------------------------------------------------------------- several replicas on one host


@pytest.fixture
def replicas(lab: Lab) -> list[Service]:
    """Two of one name, the older one first; the younger one is busy."""
    called = f"rep-{secrets.token_hex(4)}"
    first = lab.bare(called)
    age = started(first)
    second = eventually(lambda: newer(lab, called, age), "one that is younger by a clock tick at least")
    return [first, second]


def newer(lab: Lab, called: str, than: int) -> Service | None:
    made = lab.bare(called, HOT="1")
    return made if started(made) > than else None


def started(service: Service) -> int:
    return int(Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()[19])


def called(service: Service) -> str:
    return Path(f"/proc/{service.pid}/comm").read_text().strip()


def test_several_replicas_are_refused_with_the_list(lab: Lab, replicas: list[Service]) -> None:
    capture = lab.place.one(instance=f"{HOST}:9256", groupname=called(replicas[0]))
    refused(capture, "process_ambiguous", *(str(each.pid) for each in replicas), "take: newest")
    assert lab.untouched()


@pytest.mark.parametrize(("take", "which"), [("newest", 1), ("oldest", 0), ("cpu", 1)])
def test_the_rule_says_which_replica_is_taken(lab: Lab, replicas: list[Service], take: str, which: int) -> None:
    capture = lab.place.one(instance=f"{HOST}:9256", groupname=called(replicas[0]), take=take)
    recorded(capture, replicas[which], "name")
    assert replicas[1 - which].events() == []


def test_two_containers_of_one_compose_service_are_refused_with_both(lab: Lab) -> None:
    service, made = f"web-{secrets.token_hex(4)}", []
    for number in ("1", "2"):
        id_ = hex64()
        lab.place.docker_knows(id_, f"{service}-{number}", "web:1", **{"com.docker.compose.service": service})
        made.append(lab.container(f"/docker/{id_}"))
    about = {"image": "web:1", "container_label_com_docker_compose_service": service}
    capture = lab.place.one(instance=f"{HOST}:8080", job="cadvisor", **about)
    refused(capture, "process_ambiguous", *(str(each.pid) for each in made))
    assert lab.untouched()
    of_one = lab.place.one(instance=f"{HOST}:8080", job="cadvisor", **about, name=f"{service}-2")
    recorded(of_one, made[1], "container")


def test_take_all_makes_a_capture_of_each(lab: Lab, replicas: list[Service]) -> None:
    first = lab.place.one(instance=f"{HOST}:9256", groupname=called(replicas[0]), take="all")
    pids = {each.pid: each for each in replicas}
    of_both = eventually(
        lambda: both(lab.place, first["trigger"]["fingerprint"]), "there is a second capture of the same alert"
    )
    for capture in of_both:
        ended = lab.place.service.wait_capture(capture["id"])
        recorded(ended, pids.pop(ended["target"]["pid"]), "name")
    assert pids == {}


def both(place: Place, fingerprint: str) -> list[dict[str, Any]] | None:
    found = [each for each in place.service.captures() if each["trigger"]["fingerprint"] == fingerprint]
    return found if len(found) == 2 else None

"""What the gate tells of containers, pods and networks, under three shells: the verbs that only look."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.gate.client import Gate
from app.gate.facts import Named, Pod
from tests.lab.cgroups import hierarchy
from tests.lab.container import Contained
from tests.lab.shell import CHOSEN, SHELLS, ShellPipe

OWN_FILES = 'mount --bind "$1" /var/lib && mount --bind "$2" /var/log && shift 2 && exec "$@"'

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and control groups are made by root only: run as root"),
    pytest.mark.skipif(os.geteuid() == 0 and hierarchy() is None, reason="no cgroup hierarchy here takes new groups"),
]


@dataclass
class Place:
    """A gate that sees a /var/lib and a /var/log of its own."""

    gate: Gate
    lib: Path
    log: Path


@pytest.fixture(params=CHOSEN)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    lib, log = tmp_path / "lib", tmp_path / "log"
    for each in (lib, log):
        each.mkdir()
    command = ["unshare", "--mount", "sh", "-c", OWN_FILES, "sh", str(lib), str(log), *SHELLS[request.param], "-s"]
    gate = Gate(ShellPipe(command), f"local {request.param}", send_script=True)
    yield Place(gate, lib, log)
    gate.close()


def test_a_containers_process_is_told_with_its_cgroup_its_number_and_its_networks_addresses(
    place: Place, tmp_path: Path
) -> None:
    path = f"/docker/{secrets.token_hex(32)}"
    with Contained(tmp_path / "container", path, address="172.31.9.2") as service:
        (seen,) = [each for each in place.gate.processes() if each.id.pid == service.pid]
        assert (seen.inner, seen.exe) == (1, "/mnt/orders")
        assert path in seen.groups
        (listener,) = place.gate.listeners(service.port)
        assert listener.id == seen.id
        assert "172.31.9.2" in listener.addresses
        there = place.gate.ports(service.pid)
        assert there.elsewhere and [port for _, port in there.listening] == [service.port]
        looked = place.gate.look(service.pid)
        assert looked and path in looked.groups and looked.nspid == 1


@pytest.mark.parametrize("argv0", ["./orders", "orders: worker -x", "-orders", "or\tders", "ordérs", "x" * 2000, ""])
def test_what_a_process_was_started_as_is_told_and_nothing_of_the_words_after_it(place: Place, argv0: str) -> None:
    words = [argv0, "-c", "read -r line\ncalled 1 forged", "called 1 forged"]
    with subprocess.Popen(words, executable="/bin/sh", stdin=subprocess.PIPE) as process:
        listed = {each.id.pid: each for each in place.gate.processes()}
        assert process.stdin
        process.stdin.close()
    told = listed[process.pid].argv0
    assert told == argv0 or (len(told) > 900 and argv0.startswith(told))
    assert "forged" not in {each.argv0 for each in listed.values()}


def test_the_hosts_own_addresses_are_told_and_not_a_containers(place: Place, tmp_path: Path) -> None:
    with Contained(tmp_path / "container", f"/docker/{secrets.token_hex(32)}", address="172.31.9.2"):
        own = place.gate.addresses()
        assert "127.0.0.1" in own
        assert "172.31.9.2" not in own


def test_the_kubelets_links_are_told_and_what_is_no_such_link_is_not(place: Place) -> None:
    assert place.gate.pods() == ()
    id_ = secrets.token_hex(32)
    folder = place.log / "containers"
    folder.mkdir()
    (folder / f"cart-0_shop_app-{id_}.log").symlink_to("/var/log/pods/shop_cart-0_0b1c-2d/app/0.log")
    (folder / f"cart-1_shop_app-{id_}.log").symlink_to("/etc/passwd")
    (folder / f"cart-2_shop_app-{id_}.log").touch()
    (folder / "a file\nl x_y_z-0.log -> elsewhere").touch()
    assert place.gate.pods() == (Pod("shop", "cart-0", "0b1c-2d", "app", id_),)


def test_what_docker_and_podman_call_their_containers_is_told_and_never_their_environment(place: Place) -> None:
    assert place.gate.named() == ()
    docker, podman = secrets.token_hex(32), secrets.token_hex(32)
    config = {
        "Image": "sha256:00", "Name": "/web", "MountPoints": {"/d": {"Name": "volume"}},
        "Config": {"Env": ['X="Name":"/forged"'], "Image": "nginx:1.27", "Labels": {"tier": "front", "a.b": "c d"}},
    }  # fmt: skip
    folder = place.lib / "docker/containers" / docker
    folder.mkdir(parents=True)
    (folder / "config.v2.json").write_text(json.dumps(config, separators=(",", ":")))
    theirs = place.lib / "containers/storage/overlay-containers"
    theirs.mkdir(parents=True)
    (theirs / "containers.json").write_text(
        json.dumps([{"id": podman, "names": ["cart"], "image": "00", "layer": "00"}], separators=(",", ":"))
    )
    found = {each.id: each for each in place.gate.named()}
    assert found == {
        docker: Named(docker, "web", "nginx:1.27", {"tier": "front", "a.b": "c d"}),
        podman: Named(podman, "cart", "", {}),
    }

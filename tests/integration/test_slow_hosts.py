"""Ten hosts of each kind that hold a caller up, with several alerts each, beside hosts that answer: all of it real.

Every host is an address of this machine. What is asserted is the order in which things happen, and never how long.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scene import Scene, alert
from tests.lab.account import POSSIBLE
from tests.lab.process import eventually
from tests.lab.target import Service
from tests.lab.unhelpful import KINDS, Trickling, unhelpful

ALERTS = 7  # about each host that holds us up
ABSENT = 4_194_303  # a pid
LIMITS = {"per_host": 5, "per_service": 100, "at_once": 100}


@contextmanager
def fleet(folder: Path) -> Iterator[tuple[Scene, Trickling, Path]]:
    """alertprof, an sshd for 127.1.*, and the four kinds of other hosts; the file without which those that start slowly
    do not begin a shell."""
    with unhelpful(folder, "until [ -e ~/go ]; do sleep 0.2; done", shell_timeout="5m") as others:
        known = folder / "known_hosts"
        config = {"hosts": others.hosts, "allowed_hosts": ["127.0.0.0/8"], "limits": LIMITS}
        where_known = {"known_hosts_file": str(known)}
        with Scene(folder, duration="2s", sshd={"listen": "0.0.0.0"}, ssh=where_known, config=config) as scene:
            key = " ".join(scene.sshd.known_hosts.read_text().split()[1:3])
            known.write_text(f"[127.1.*]:{scene.sshd.port} {key}\n{others.known}")
            yield scene, others.trickling, others.home / "go"


def holding_up() -> Sequence[dict[str, Any]]:
    """The alerts about the hosts that hold us up."""
    hosts = [f"{net}.0.{n}" for net in KINDS.values() for n in range(1, 11)]
    return [about(host, n, pid=ABSENT) for n in range(ALERTS) for host in hosts]


def about(host: str, number: int, pid: int) -> dict[str, Any]:
    return alert(f"{host.replace('.', '-')}-{number}", host=host, n=number, pid=pid, service=host)


def tried(scene: Scene, kind: str) -> Counter[str]:
    """The alerts about hosts of this kind that were tried and have to be tried again, or have ended, by host."""
    found = scene.ask("GET", "/captures", params={"limit": 500}).json()["captures"]
    began = (each for each in found if each["state"] != "pending" or len(each["timeline"]) > 1)
    hosts = (str(each["trigger"]["labels"]["host"]) for each in began)
    return Counter(host for host in hosts if host.startswith(KINDS[kind]))


@pytest.mark.skipif(not POSSIBLE, reason="only root may make accounts")
def test_hosts_that_hold_us_up_hold_up_no_others_whatever_they_do(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    targets = {f"127.1.0.{n}": run_target("toggle") for n in range(1, 5)}
    with fleet(tmp_path) as (scene, trickling, go):
        wanted = [about(host, n, pid=target.pid) for n in range(3) for host, target in targets.items()]
        ids = scene.deliver(*holding_up(), *wanted)["captures"][-len(wanted) :]
        eventually(lambda: all(target.count("start") for target in targets.values()), "all healthy hosts record", 120)
        captures = [scene.service.wait_capture(each, timeout=120) for each in ids]
        assert Counter(each["state"] for each in captures) == {"completed": 4, "skipped": 8}
        assert {each["reason"]["code"] for each in captures if each["reason"]} == {"duplicate"}
        assert [target.count("usr2") for target in targets.values()] == [2] * 4
        assert scene.sshd.log().count("Accepted publickey") == len(targets), "each of them was visited once"
        eventually(lambda: len(trickling.most) == 10, "those that trickle were all tried", 120)
        assert set(trickling.most.values()) == {1}, "one connection at a time"
        assert tried(scene, "starts slowly").total() == 0, "not one of them has begun"
        go.touch()
        eventually(lambda: len(tried(scene, "starts slowly")) == 10, "those that start slowly have their turn", 120)
        states = scene.ask("GET", "/captures", params={"limit": 500}).json()["captures"]
        assert len(states) == 4 * 10 * ALERTS + len(wanted), "no alert was lost"

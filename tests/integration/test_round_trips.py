"""How often a capture waits for a far host: counted by a relay that delays everything on its way."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex

import httpx2

from app.gate.answers import Mode
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.integration.scene import alert, message
from tests.lab.process import eventually
from tests.lab.relay import Relay
from tests.lab.service import TLS, Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Service

DELAY = 0.12  # seconds of a round trip

RunTarget = Callable[..., Service]


@contextmanager
def far(folder: Path) -> Iterator[tuple[Sshd, Relay]]:
    """An sshd, and the relay by which it is known."""
    with Sshd(folder / "sshd") as sshd, Relay(sshd.port, delay=DELAY) as relay:
        key = " ".join(sshd.known_hosts.read_text().split()[1:3])
        sshd.known_hosts.write_text(f"[{sshd.host}]:{relay.port} {key}\n")
        yield sshd, relay


@contextmanager
def receiver(folder: Path, sshd: Sshd, port: int) -> Iterator[Alertprof]:
    way = {"user": sshd.user, "port": port, "identity_file": str(sshd.client_key)}
    ssh = way | {"known_hosts_file": str(sshd.known_hosts)}
    folder.mkdir()
    with Alertprof(folder, {"ssh": ssh, "rules": [{"name": "every alert", "duration": "1s"}]}) as service:
        yield service


def trips(relay: Relay, service: Alertprof, target: Service, name: str) -> tuple[str, float]:
    """The capture of an alert, and the round trips until its first signal arrives at its process."""
    before = relay.trips()
    sent = message([alert(f"{target.pid:016x}", host="127.0.0.1", pid=target.pid, service=name)])
    answer = httpx2.post(service.webhook, json=sent, timeout=60, verify=TLS).raise_for_status()
    signalled = target.wait_event("usr2").at_ms / 1000
    return answer.json()["captures"][0], relay.trips(signalled) - before


def test_a_signal_waits_for_seven_and_a_half_round_trips_cold_and_for_one_and_a_half_warm(
    tmp_path: Path, run_target: RunTarget
) -> None:
    one, two = run_target("toggle"), run_target("toggle")
    with far(tmp_path) as (sshd, relay), receiver(tmp_path / "alertprof", sshd, relay.port) as service:
        capture, cold = trips(relay, service, one, "one")
        told = [each["message"] for each in service.wait_capture(capture)["timeline"]]
        assert any("samples" in each for each in told), "the evidence of the first second was not taken"
        assert (cold, trips(relay, service, two, "two")[1]) == (7.5, 1.5)


def test_all_files_come_home_in_one_round_trip(tmp_path: Path, run_target: RunTarget) -> None:
    target, token, got = run_target("toggle"), token_hex(16), dict[str, bytearray]()
    with far(tmp_path) as (sshd, relay), closing(HostPool(Connector(sshd.settings(port=relay.port)))) as pool:
        gate = pool.gate(sshd.host, target.pid)
        assert gate.process(target.pid)
        process, scene = gate.look_at_scene(target.pid)
        assert process and scene
        assert gate.start(process.id, Mode.TOGGLE, 30, token).code == "started"
        kinds = [file.kind for file in eventually(lambda: gate.status(token).files, "its files are known")]
        eventually(lambda: gate.stop(token).code == "finished", "it is over")
        with pool.files(sshd.host) as files:
            before = relay.trips()
            files.fetch(token, {kind: got.setdefault(kind, bytearray()).extend for kind in kinds}, 1 << 20, 30)
            assert relay.trips() - before == 1
    assert len(got) > 3 and all(got.values())

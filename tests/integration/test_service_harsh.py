"""What attacks on the service found: an older database, a rule that is gone, a stop that came before the start."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from app.errors import Code, Retryable
from app.gate import host_session
from app.gate.answers import Answer
from app.gate.client import Gate, Write
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.model import Kind
from app.profilers import remote_files
from tests.integration.scene import Scene, alert, codes
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.unit.ledger.builders import manual, recording

RunTarget = Callable[..., Service]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path / "scene") as made:
        yield made


def away(scene: Scene, target: Service) -> str:
    """The id of a capture that waits, since its host is away."""
    scene.sshd.stop()
    (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
    eventually(lambda: scene.service.capture(new)["timeline"][-1]["step"] == "waiting", "it waits for the host")
    return str(new)


def test_a_start_without_the_database_removes_no_file(scene: Scene, run_target: RunTarget, tmp_path: Path) -> None:
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=run_target("toggle").pid))
    assert capture["state"] == "completed", capture["reason"]
    scene.service.stop()
    for file in scene.service.folder.glob("alertprof.db*"):
        shutil.move(file, tmp_path)
    artifacts = scene.service.folder / "artifacts"
    (artifacts / "lost+found").mkdir()
    (artifacts / "README").write_text("somebody else's")
    scene.service.restart()
    assert len(list((artifacts / capture["id"]).iterdir())) == len(capture["artifacts"]) >= 7
    assert (artifacts / "README").exists() and (artifacts / "lost+found").exists()


def test_a_capture_whose_rule_is_gone_begins_nothing(tmp_path: Path, run_target: RunTarget) -> None:
    target = run_target("toggle")
    rule: dict[str, Any] = {"name": "careful", "duration": "1s", "only": {"exe": "^/opt/never/"}}
    with Scene(tmp_path / "scene", config={"rules": [rule]}) as scene:
        new = away(scene, target)
        scene.service.stop()
        config = yaml.safe_load(scene.service.config.read_text())
        scene.service.config.write_text(yaml.safe_dump(config | {"rules": [rule | {"name": "renamed"}]}))
        scene.sshd.start()
        scene.service.restart()
        capture = scene.service.wait_capture(new)
    assert (capture["state"], codes([capture])) == ("skipped", ["no_rule"])
    assert "«careful» is no longer in the configuration" in capture["reason"]["message"]
    assert target.events() == []


def test_a_pause_holds_for_what_has_not_begun(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    new = away(scene, target)
    assert scene.ask("POST", "/-/pause").status_code < 300
    scene.sshd.start()
    eventually(lambda: codes([scene.service.capture(new)]) == ["paused"], "it is held back for the pause", 60)
    assert (scene.service.capture(new)["state"], target.events()) == ("pending", [])
    assert scene.ask("POST", "/-/resume").status_code < 300
    assert scene.service.wait_capture(new)["state"] == "completed"


def test_a_stop_that_came_before_the_start_means_no_start(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    target.signal()
    target.wait_event("start")
    (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
    eventually(lambda: scene.service.capture(new)["timeline"][-1]["step"] == "waiting", "it waits for theirs to end")
    assert scene.ask("POST", f"/captures/{new}/stop").status_code < 300
    assert scene.service.wait_capture(new)["state"] == "canceled"
    assert [event.what for event in target.events()] == ["usr2", "start"]


def test_an_outage_of_our_own_uses_up_no_patience(scene: Scene, run_target: RunTarget, tmp_path: Path) -> None:
    """As after hours without us: the row's time is over long since, and its host answers a moment too late."""
    new = away(scene, run_target("toggle"))
    scene.service.stop()
    with sqlite3.connect(scene.service.folder / "alertprof.db") as database:
        database.execute("UPDATE captures SET give_up_at = give_up_at - 7200000000")
    scene.service.restart()
    eventually(lambda: scene.service.capture(new)["timeline"][-1]["step"] == "waiting", "it was tried")
    scene.sshd.start()
    assert scene.service.wait_capture(new)["state"] == "completed"


class BlindGate:
    def fetch(self, token: str, files: Mapping[str, Write], limit: int, timeout: float) -> list[Answer]:
        return [Answer("blind") for _ in files]

    status = drop = lambda self, token: Answer("blind")


def test_what_a_gate_could_not_see_is_not_taken_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    gate, capture = cast(Gate, BlindGate()), recording(manual(1))
    for asked in (
        lambda: remote_files.fetch_file(gate, capture, "cpu", tmp_path, kind=Kind.CPU),
        lambda: remote_files.files_of(gate, capture),
        lambda: remote_files.remove_files(gate, capture),
    ):
        with pytest.raises(Retryable) as passing:
            asked()
        assert passing.value.reason.code is Code.TIMEOUT


def test_a_connection_over_which_something_comes_home_is_never_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_session, "IDLE", 0.0)
    with Sshd(tmp_path) as sshd:
        pool = HostPool(Connector(sshd.settings()))
        with pool.files(sshd.host) as gate:
            pool.close_idle()
            assert gate.processes()
        line = pool.tunnel(sshd.host, sshd.host, sshd.port)
        pool.close_idle()
        assert line.recv(4, 20) == b"SSH-"
        line.close()
        time.sleep(0.01)
        pool.close_idle()
        assert not line.alive
        pool.close()

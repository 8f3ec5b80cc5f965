"""SIGTERM: what is under way is finished or left to the next start, quickly and without a trace of harm."""

from collections.abc import Callable
from pathlib import Path

from tests.integration.scene import Scene, alert
from tests.lab.target import Service


def test_sigterm_while_it_records_ends_the_service_and_a_restart_completes_the_capture(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    target = run_target("toggle")
    with Scene(tmp_path / "scene", duration="12s") as scene:
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        scene.service.wait_capture(new, {"recording"})
        scene.service.stop()
        assert scene.service.process.status == 0
        assert target.recording(), "the row and the dead-man's switch end it, not our leaving"
        scene.service.restart()
        assert scene.service.wait_capture(new)["state"] == "completed"
    assert (target.count("start"), target.count("usr2")) == (1, 2)

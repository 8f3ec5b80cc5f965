"""A signal that does harm, over a real sshd: processes of which nothing shows beforehand that they end at it."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scene import Scene, alert
from tests.lab.process import Process
from tests.lab.target import Service

HOST = "127.0.0.1"
DIES = """
import os, signal, sys, time
def end(*_):
    open(sys.argv[1] + "/dump-1.txt", "w").write("half of a du")
    os._exit(1)
signal.signal(signal.SIGUSR1, end)
print("READY", flush=True)
while True:
    time.sleep(60)
"""


def captured(scene: Scene, pid: int, name: str) -> dict[str, Any]:
    """The capture of an alert about this process, which is of a service of its own, so that no cooldown holds it."""
    (made,) = scene.captured(alert(f"{pid:016x}", host=HOST, pid=pid, service=name))
    return made


def blocked(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.ask("GET", "/-/blocked").json()["blocked"]
    return found


def harm(capture: dict[str, Any], one: dict[str, Any]) -> str:
    """The finding's title, of a capture that says of its harm all that it should."""
    assert (capture["state"], capture["reason"]["code"]) == ("failed", "process_exited")
    assert one["message"] in capture["reason"]["message"]
    assert f"until `alertprof unblock {one['id']}`" in capture["reason"]["message"]
    assert (one["capture"], one["pid"]) == (capture["id"], capture["target"]["pid"])
    finding = capture["findings"][0]  # a busy machine may have others
    assert (finding["severity"], finding["code"]) == ("critical", "ended_after_signal")
    return str(finding["title"])


@pytest.mark.parametrize("way", ["touchy", "renewed"])
def test_a_go_program_that_ends_at_our_signal_is_signalled_no_more_until_somebody_says_so(
    tmp_path: Path, way: str
) -> None:
    """While it executes another program, it may look as if it had ended."""
    with Scene(tmp_path) as scene:
        with Service("asking", tmp_path / "first", args=(way,)) as service:
            first = captured(scene, service.pid, "first")
        (one,) = blocked(scene)
        assert harm(first, one).startswith(
            "it ended " if way == "touchy" else ("it ended ", "it runs another program ")
        )
        assert "after our SIGUSR2" in one["message"]
        metrics = scene.ask("GET", "/metrics").text
        assert 'alertprof_harm_total{signal="SIGUSR2"} 1.0' in metrics
        assert "alertprof_blocked_executables 1.0" in metrics

        with Service("asking", tmp_path / "second", args=("usual",)) as service:
            refused = captured(scene, service.pid, "second")
            assert (refused["state"], refused["reason"]["code"]) == ("failed", "unsafe_signal")
            assert one["id"] in refused["reason"]["message"]
            assert service.events() == []

            assert scene.ask("DELETE", f"/-/blocked/{one['id']}").status_code == 204
            (allowed,) = scene.captured(alert("00000000000000bb", host=HOST, pid=service.pid, service="third"))
            assert allowed["state"] == "completed"


def test_kill_9_before_the_harm_is_written_down_loses_nothing_of_it(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        with Service("asking", tmp_path / "target", args=("touchy",)) as service:
            scene.deliver(alert(host=HOST, pid=service.pid))
            service.process.until(lambda: not service.alive, "it has ended at the signal")
            scene.service.kill9()
            scene.service.restart()
            (capture,) = scene.service.captures()
            ended = scene.service.wait_capture(capture["id"])
        (one,) = blocked(scene)
        assert harm(ended, one).startswith("it ended ")


def test_a_signal_of_the_configuration_that_ends_its_process_is_harm_too(tmp_path: Path) -> None:
    profiler = {"kind": "signal", "start_signal": "SIGUSR1", "files": [f"{tmp_path}/dump-*.txt"]}
    rules = [{"name": "every alert", "duration": "5s", "profiler": profiler}]
    with Scene(tmp_path, config={"rules": rules}) as scene:
        names = ("first", "second")
        first, second = (
            Process([sys.executable, "-c", DIES, str(tmp_path)], tmp_path / f"{name}.log", name=name) for name in names
        )
        try:
            first.until(lambda: "READY" in first.log.read_text(), "it is ready")
            second.until(lambda: "READY" in second.log.read_text(), "it is ready")
            harmed = captured(scene, first.pid, "first")
            (one,) = blocked(scene)
            assert harm(harmed, one).startswith("it ended ")
            assert one["signal"] == signal.SIGUSR1.name
            refused = captured(scene, second.pid, "second")
            assert refused["reason"]["code"] == "unsafe_signal"
            assert second.alive
        finally:
            first.stop()
            second.stop()

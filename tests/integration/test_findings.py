"""Findings of real services through the whole line, and how people and programs read them. `make faults` takes all."""

import subprocess
import sys
from pathlib import Path

from tests.faults.expected import FAULTS
from tests.faults.line import captured, running
from tests.integration.scene import Scene


def test_a_guilty_function_is_named_through_the_whole_line(tmp_path: Path) -> None:
    with Scene(tmp_path, duration="2s") as scene:
        for number, name in enumerate(("patterns", "ledger"), 1):
            fault = FAULTS[name]
            with running(name, tmp_path / name, warming=0) as service:
                capture = captured(scene, service, number)
            first = capture["findings"][0]
            assert (capture["state"], first["code"]) == ("completed", fault.code)
            assert fault.guilty[0] in first["title"]

            report = scene.ask("GET", f"/captures/{capture['id']}/report")
            assert report.headers["content-type"] == "text/markdown; charset=utf-8"
            assert len(report.content) <= 6000
            assert first["title"] in report.text and "## Top functions: cpu" in report.text

            shown = show(scene, capture["id"])
            assert f"{first['severity']}: {first['title']}" in shown
            assert "what usually helps: " in shown
            assert f"alertprof top {capture['id']} --kind heap" in shown


def show(scene: Scene, capture_id: str) -> str:
    """What `alertprof show` prints."""
    command = [sys.executable, "-m", "app", "show", capture_id, "--url", scene.service.url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

"""The commands of README and docs/, run as they are written against a real service, sshd and Go program.

Only what stands for the reader's own hosts and ids is filled in, and recordings are shorter. What needs another machine
or changes this one (ssh-copy-id, pip install) is not run; tests/unit/test_doc_blocks.py at least parses it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.scene import Scene, alert
from tests.lab import golang
from tests.lab.pages import ROOT, blocks, commands_in, simple_commands
from tests.lab.process import eventually
from tests.lab.prometheus import Absent, Alertmanager
from tests.lab.target import Service

OURS = {"alertprof", ".venv/bin/alertprof", "curl"}
NOT_HERE = {"serve": "the scene runs it", "amtool": "a test of its own runs it"}
ALERT = '{"alertname": "HighCPU", "instance": "%s", "severity": "critical"}'


def lines() -> list[tuple[str, str]]:
    """(place, line) of every line in a block that speaks to alertprof."""
    found: list[tuple[str, str]] = []
    for block in blocks():
        commands = commands_in(block) if block.language in ("sh", "console") else []
        words = {line: [each[0] for each in simple_commands(line)] for line in commands}
        if any(OURS & set(names) for names in words.values()):
            found += [(block.place, line) for line in commands]
    return found


def ran_here(line: str) -> bool:
    return not any(word in NOT_HERE for words in simple_commands(line) for word in words[:2])


RUN = [(place, line) for place, line in lines() if ran_here(line)]


@dataclass(frozen=True)
class Lab:
    scene: Scene
    target: Service
    ids: dict[str, str]  # of a capture, a message, a blocked executable

    def filled(self, line: str) -> str:
        """The line with this lab's hosts, ports and ids."""
        for placeholder, value in {
            "HOST:8888": self.target.instance,
            "--port 8888": f"--port {self.target.port}",
            "HOST": "127.0.0.1",
            "10.0.0.5": "127.0.0.1",
            "10.1.2.3": "127.0.0.1",
            "/etc/alertprof/": "",
            ".venv/bin/": "",
            "--duration 10s": "--duration 1s",
            **self.ids,
        }.items():
            line = line.replace(placeholder, value)
        return line

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        folder = self.scene.service.folder
        env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "ALERTPROF_URL": self.scene.service.url}
        words = ["sh", "-c", self.filled(line)]
        return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def blocked_executable(scene: Scene, folder: Path) -> str:
    """The id of an executable that a signal has really harmed."""
    with Service("asking", folder, args=("touchy",)) as service:
        scene.captured(alert("00000000000000cc", host="127.0.0.1", pid=service.pid, service="touchy"))
    return str(scene.ask("GET", "/-/blocked").json()["blocked"][0]["id"])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with ExitStack() as stack:
        try:
            target = stack.enter_context(Service("toggle", folder / "target"))
        except golang.Unavailable as reason:
            pytest.skip(str(reason))
        scene = stack.enter_context(Scene(folder / "scene"))
        here = scene.service.folder
        (here / "alertprof").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m app "$@"\n')
        (here / "alertprof").chmod(0o755)
        (here / "operator.token").write_text("not asked for here\n")
        (here / "alert.json").write_text(ALERT % target.instance)
        (capture,) = scene.captured(alert(instance=target.instance))
        ids = {
            "messages/ID": f"messages/{scene.ask('GET', '/messages').json()['messages'][-1]['id']}",
            "unblock ID": f"unblock {blocked_executable(scene, folder / 'touchy')}",
            "captures/ID": f"captures/{capture['id']}",
            " BASE": f" {capture['id']}",
            " ID": f" {capture['id']}",
        }
        scene.ask("POST", f"/captures/{capture['id']}/baseline")
        yield Lab(scene, target, ids)


def test_the_pages_have_commands_of_every_kind() -> None:
    names = {words[1] for _, line in RUN for words in simple_commands(line) if words[0] == "alertprof"}
    assert names >= {
        "capture",
        "captures",
        "check-config",
        "diff",
        "doctor",
        "explain",
        "fetch",
        "gate",
        "show",
        "top",
        "unblock",
    }
    assert any(line.startswith("curl ") for _, line in RUN)


@pytest.mark.parametrize(("place", "line"), RUN, ids=lambda value: value)
def test_a_command_of_the_pages_does_what_it_is_for(lab: Lab, place: str, line: str) -> None:
    done = lab.run(line)
    repeats = " explain " in line  # this alert was captured, so that another one need not lead to a capture
    assert done.returncode in ((0, 1) if repeats else (0,)), f"{place}: {lab.filled(line)}\n{done.stdout}{done.stderr}"
    assert done.stdout or ">" in line, "it says something"
    assert "Traceback" not in done.stderr
    if "curl" in line:
        assert '"status":4' not in done.stdout and "problem+json" not in done.stdout
    if repeats:
        assert "=> " in done.stdout, "a verdict"
    if "--wait" in line:
        assert "main.hotLoop" in done.stdout or "-cpu-" in done.stdout


def test_the_alert_that_readme_sends_by_hand_becomes_a_capture(lab: Lab, tmp_path: Path) -> None:
    if not shutil.which("amtool"):
        pytest.skip("amtool is not installed: tests/lab/prepare.sh does it")
    ((place, line),) = [each for each in lines() if each[1].startswith("amtool alert add")]
    try:
        alertmanager = Alertmanager(tmp_path, lab.scene.service.webhook)
    except Absent as reason:
        pytest.skip(str(reason))
    with alertmanager:
        done = lab.run(line.replace("http://127.0.0.1:9093", alertmanager.url))
        assert done.returncode == 0, f"{place}: {done.stderr}"
        eventually(lambda: "ProcessCpuHigh" in lab.run("alertprof captures").stdout, "it is listed")

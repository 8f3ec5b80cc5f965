"""README's ten minutes: its commands and its configuration, in its order, in an empty home, against a real sshd, a real
Alertmanager with the example's configuration, and a real Prometheus with the shipped rules.

Only places, ports and lengths differ from what is written. Installing is not run: make matrix does it, with pip, uv and
pipx.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab import golang, ports
from tests.lab.pages import ROOT, Block, blocks_in, commands_in, section, text_of
from tests.lab.process import Process, eventually
from tests.lab.prometheus import Alertmanager, Prometheus, hasty_rules
from tests.lab.sshd import Sshd
from tests.lab.target import Service

HEADING = "## Against your own Alertmanager, in ten minutes"
INSTALLING = ("python3 -m venv ", "/opt/alertprof/bin/pip install ", "ln -s ")
NEEDED = ("prometheus", "prometheus-alertmanager", "amtool", "ssh-copy-id", "ssh-keyscan")

pytestmark = [
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)),
        reason=f"README's ten minutes are NOT tested: of {', '.join(NEEDED)} one is not installed",
    ),
]


class SshdOfTheHost(Sshd):
    """Its sessions have a home in the folder, so that ssh-copy-id writes nothing to the home of who runs the tests."""

    def _lines(self, host_keys: Sequence[str]) -> list[str]:
        keys = self.directory / ".ssh" / "authorized_keys"
        keys.parent.mkdir()
        shutil.move(self.directory / "authorized_keys", keys)
        homes = {"SetEnv ": f" HOME={self.directory}"}
        lines = [line + homes.get(line[:7], "") for line in super()._lines(host_keys)]
        return [f"AuthorizedKeysFile {keys}" if line.startswith("AuthorizedKeysFile") else line for line in lines]


class AlertmanagerOfTheExample(Alertmanager):
    """Alertmanager with alertmanager-example.yml, which sends to `webhook`."""

    def __init__(self, folder: Path, webhook: str) -> None:
        folder.mkdir()
        text = (ROOT / "alertmanager-example.yml").read_text(encoding="utf-8")
        (folder / "example.yml").write_text(text.replace("http://127.0.0.1:9911/webhook", webhook))
        port = ports.free()
        argv = ["prometheus-alertmanager", f"--config.file={folder / 'example.yml'}", f"--storage.path={folder}"]
        listen = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        super(Alertmanager, self).__init__([*argv, *listen], folder, port)


class Reader:
    """Somebody who follows README: an empty home, and `alertprof` in PATH."""

    def __init__(self, folder: Path, target: Service, sshd: Sshd) -> None:
        self.home, self.target, self.sshd = folder / "home", target, sshd
        self.home.mkdir()
        self.port, self.alertmanager = ports.free(), ""
        self.url = f"http://127.0.0.1:{self.port}"
        command = self.home / "alertprof"
        command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m app "$@"\n')
        command.chmod(0o755)
        self.env = {
            **{"HOME": str(self.home), "PATH": f"{self.home}:{os.environ['PATH']}", "ALERTPROF_URL": self.url},
            "SSH_AUTH_SOCK": "",
        }

    def meant(self, text: str) -> str:
        """What this reader types for a text of README."""
        # -f: whoever is let in by another key already would be told that nothing is to be done.
        lets_in = f"-f -p {self.sshd.port} -o IdentityFile={self.sshd.client_key}"
        known = f"-o UserKnownHostsFile={self.sshd.known_hosts}"
        for written, here in {
            "/etc/alertprof": f"{self.home}/etc",
            "/var/lib/alertprof": f"{self.home}/var",
            "user: root\n": f"user: {self.sshd.user}\n  port: {self.sshd.port}\n",
            "root@HOST": f"{lets_in} {known} {self.sshd.user}@HOST",
            "ssh-keyscan HOST": f"ssh-keyscan -p {self.sshd.port} HOST",
            "HOST:8888": self.target.instance,
            "--port 8888": f"--port {self.target.port}",
            "HOST": "127.0.0.1",
            "--duration 10s": "--duration 1s",
            "http://127.0.0.1:9093": self.alertmanager,
        }.items():
            text = text.replace(written, here)
        return text

    def types(self, line: str) -> str:
        """Runs one line, which has to succeed; what it prints."""
        words = ["sh", "-c", self.meant(line)]
        done = subprocess.run(
            words,
            cwd=self.home,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{self.meant(line)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serves(self, line: str) -> Process:
        """Runs `alertprof serve …` in a second terminal, until it is ready."""
        words = ["sh", "-c", f"exec {self.meant(line)} --web.listen-address=127.0.0.1:{self.port}"]
        process = Process(words, self.home / "serve.log", env=self.env, name="alertprof")
        process.until(lambda: "listening" in process.log.read_text(), "it listens")
        return process


def steps() -> Iterator[Block]:
    yield from blocks_in(section(text_of("README.md"), HEADING), "README.md")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as stack:
        try:
            target = stack.enter_context(Service("toggle", tmp_path / "target"))
        except golang.Unavailable as reason:
            pytest.skip(f"the quick start is NOT walked: {reason}")
        yield Reader(tmp_path, target, stack.enter_context(SshdOfTheHost(tmp_path / "sshd")))


def test_who_follows_readme_from_an_empty_home_has_an_alert_become_a_profile(reader: Reader, tmp_path: Path) -> None:
    first, *others = steps()
    assert [line.startswith(begin) for line, begin in zip(commands_in(first), INSTALLING, strict=True)] == [True] * 3
    reader.target.hot()
    said: dict[str, str] = {}
    with ExitStack() as stack:
        for block in others:
            if block.language == "yaml":
                text = f"{reader.meant(block.text)}rules: [{{name: short, duration: 1s}}]\n"
                (reader.home / "etc" / "alertprof.yml").write_text(text)
                continue
            for line in commands_in(block):
                if line.startswith("alertprof serve"):
                    service = reader.serves(line)
                    stack.callback(service.stop)
                    continue
                if line.startswith("amtool"):
                    alertmanager = stack.enter_context(
                        AlertmanagerOfTheExample(tmp_path / "alertmanager", f"{reader.url}/webhook")
                    )
                    reader.alertmanager = alertmanager.url
                said[line] = reader.types(line)
        (by_hand,) = (text for line, text in said.items() if line.startswith("alertprof capture "))
        assert "main.hotLoop" in by_hand or "main.checksum" in by_hand
        assert "ok  authentication" in "".join(said.values())
        eventually(lambda: rows(reader) == ["completed"], "the alert sent by hand has led to a profile", within=90)
        stack.enter_context(
            Prometheus(
                tmp_path,
                instance=reader.target.instance,
                job="orders",
                rules=hasty_rules("1s", cores=0.01),
                alertmanager=alertmanager,
            )
        )
        eventually(lambda: len(rows(reader)) == 2, "the alert of the shipped rule has a row, too", within=90)
    assert not reader.target.recording()


def rows(reader: Reader) -> list[str]:
    """The states of the captures for the alert, oldest first."""
    said = reader.types("alertprof captures --alertname ProcessCpuHigh --json")
    return re.findall(r'"state": "(\w+)"', said)[::-1]

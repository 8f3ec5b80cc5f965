"""The service's first and last moments as its surroundings see them: exit codes, the log, signals."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.process import eventually
from tests.lab.service import Alertprof


def serve(*words: str) -> subprocess.CompletedProcess[str]:
    """One that ends by itself."""
    command = [sys.executable, "-m", "app", "serve", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_port_that_is_taken_ends_it_with_1_before_it_says_that_it_listens(tmp_path: Path, form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        at = f"127.0.0.1:{other.getsockname()[1]}"
        done = serve(f"--web.listen-address={at}", f"--storage.path={tmp_path}", f"--log.format={form}")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"alertprof: --web.listen-address {at}: Address already in use; stop the program")
    assert done.stderr.count("\n") == 1, "no line says that it listens, and there is no traceback"


def test_it_starts_without_its_key_and_says_which_file_is_not_there(tmp_path: Path) -> None:
    with Alertprof(tmp_path, {"ssh": {"identity_file": "id_ed25519", "known_hosts_file": "known_hosts"}}) as service:
        said = service.process.log.read_text()
        assert service.ready()
    for name in ("id_ed25519", "known_hosts"):
        assert f"there is no {tmp_path / name}" in said
    assert said.index("there is no") < said.index("event=listening")


def test_signals_that_are_sent_out_of_habit_do_not_end_it_and_a_second_sigterm_changes_nothing(
    tmp_path: Path,
) -> None:
    with Alertprof(tmp_path) as service:
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: 'event="the configuration was reloaded"' in service.process.log.read_text(), "it reloads")
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(service.pid, number)
            line = f'event="signal passed over" signal={number.name}'
            eventually(lambda line=line: line in service.process.log.read_text(), f"it passes {number.name} over")  # type: ignore[misc]
            assert service.ready()
        for _ in range(2):
            os.kill(service.pid, signal.SIGTERM)
        eventually(lambda: not service.process.alive, "it ends")
        assert service.process.status == 0
        assert "Traceback" not in service.process.log.read_text()

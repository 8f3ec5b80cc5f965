"""The gate behind a forced-command key: the whole line works, and the key can do nothing else."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.gate.installed import PLACE, script
from tests.integration.scene import Scene, alert, kinds
from tests.lab.sshd import Sshd
from tests.lab.target import Service

USER = "alertprof-lab"
SUDOERS = Path("/etc/sudoers.d/alertprof-lab")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("sudo") or not shutil.which("useradd"),
    reason="an account and a sudoers line can be made by root alone, where sudo and useradd are installed",
)


@pytest.fixture
def restricted(tmp_path: Path) -> Iterator[Scene]:
    """A scene whose key is bound to the gate, in an account that may do nothing but run it by sudo."""
    lock = os.open("/tmp/alertprof-installed-gate.lock", os.O_CREAT | os.O_RDWR)  # noqa: S108 - of all test workers
    fcntl.flock(lock, fcntl.LOCK_EX)  # there is one such account and one such place
    gate = Path(PLACE)
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text(script())
    gate.chmod(0o755)
    subprocess.run(["useradd", "--system", "--create-home", "--shell", "/bin/sh", USER], check=True)
    subprocess.run(["usermod", "-p", "*", USER], check=True)
    SUDOERS.write_text(f'Defaults:{USER} !requiretty, env_reset\n{USER} ALL=(root) NOPASSWD: {PLACE} ""\n')
    SUDOERS.chmod(0o440)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and str(folder) not in ("/", "/tmp"):  # noqa: S108 - sshd reads the keys as the user
            folder.chmod(folder.stat().st_mode | 0o011)
    try:
        subprocess.run(["visudo", "-c", "-f", SUDOERS], check=True, capture_output=True)
        with Scene(tmp_path / "scene", user=USER, ssh={"gate": "installed"}) as scene:
            keys = scene.sshd.directory / "authorized_keys"
            keys.write_text(f'restrict,command="sudo -n {PLACE}" {keys.read_text()}')
            yield scene
    finally:
        SUDOERS.unlink()
        gate.unlink()
        subprocess.run(["userdel", "-f", "-r", USER], check=False, capture_output=True)
        os.close(lock)


def ssh(sshd: Sshd, *words: str, said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    options = [f"-oUserKnownHostsFile={sshd.known_hosts}", "-oBatchMode=yes", "-oIdentitiesOnly=yes", "-F/dev/null"]
    command = ["ssh", f"-p{sshd.port}", f"-i{sshd.client_key}", *options, f"{USER}@{sshd.host}", *words]
    return subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)


def test_the_whole_line_works_behind_a_forced_command(restricted: Scene, run_target: Callable[..., Service]) -> None:
    target = run_target("toggle", HOT="1")
    (capture,) = restricted.captured(alert(instance=target.instance))
    assert capture["state"] == "completed", capture["reason"]
    assert len(kinds(capture)) == 7
    assert [event.what for event in target.events()] == ["usr2", "start", "usr1", "usr2", "stop"]


def test_the_key_opens_no_shell_forwards_nothing_and_reads_no_other_file(restricted: Scene, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for command in (["id"], ["touch", str(canary)], ["sh", "-s"], []):
        done = ssh(restricted.sshd, *command, said=f"touch {canary}\n".encode())
        assert b"uid=" not in done.stdout
        assert done.stdout.startswith(b"ready 1 ")
        assert done.returncode == 2, "a line outside the grammar ends the gate"
    assert not canary.exists()
    token = b"0123456789abcdef0123456789abcdef"
    asked = b"1 fetch %b cpu 999\n2 fetch %b ../../etc/shadow 99999\n" % (token, token)
    assert b"root:" not in ssh(restricted.sshd, said=asked).stdout
    forwarded = ssh(restricted.sshd, "-W", f"127.0.0.1:{restricted.sshd.port}")
    assert forwarded.returncode != 0 and b"SSH-2.0" not in forwarded.stdout
    copied = subprocess.run(
        ["scp", f"-P{restricted.sshd.port}", f"-i{restricted.sshd.client_key}", "-F/dev/null", "-oBatchMode=yes",
         f"-oUserKnownHostsFile={restricted.sshd.known_hosts}", f"{USER}@127.0.0.1:/etc/passwd", str(canary)],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert copied.returncode != 0 and not canary.exists()

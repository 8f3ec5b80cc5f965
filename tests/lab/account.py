"""An account of this machine with a login shell and start-up files of the test's choice, while it is needed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

POSSIBLE = os.geteuid() == 0 and bool(shutil.which("useradd"))
SUDOERS = Path("/etc/sudoers.d")


@contextmanager
def account(shell: str, files: Mapping[str, str] | None = None, sudoers: str = "") -> Iterator[str]:
    """Its name. files: by path under its home; sudoers: lines in which {user} is the name."""
    name = f"lab-{os.getpid()}-{time.monotonic_ns() % 1_000_000}"
    said = SUDOERS / name
    administer("useradd", "--system", "--create-home", "--shell", shell, name)
    try:
        administer("usermod", "-p", "*", name)
        home = Path(f"~{name}").expanduser()
        for path, text in (files or {}).items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        shutil.chown(home, name)
        subprocess.run(["chown", "-R", f"{name}:", home], check=True)
        if sudoers:
            said.write_text(sudoers.format(user=name))
            said.chmod(0o440)
        yield name
    finally:
        said.unlink(missing_ok=True)
        administer("userdel", "-f", "-r", name)


def administer(*command: str) -> None:
    """One of these programs; another test may have the password file for a moment."""
    for _ in range(100):
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if "cannot lock" not in done.stderr:
            break
        time.sleep(0.2)
    if done.returncode not in (0, 12):  # 12: there was no mail box to remove
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

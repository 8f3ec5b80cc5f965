"""The gate under a shell of this machine, without SSH between: for tests of what the gate itself does."""

import os
import select
import signal
import subprocess
from pathlib import Path

from app.errors import Code, Retryable
from app.gate.client import Gate

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "ash"]}
# Most tests reach the gate through a real sshd, whose shell is dash: here it is left out. Each test of the gate runs in
# one of the others (tests/integration/conftest.py). `make matrix` runs each in all.
CHOSEN = sorted(SHELLS) if os.environ.get("EVERY_SHELL") else ["bash", "busybox"]


class ShellPipe:
    """A Pipe to a local process, in a session of its own as sshd would give it."""

    def __init__(self, command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=env, cwd=cwd, start_new_session=True, bufsize=0,
        )  # fmt: skip

    def send(self, data: bytes, timeout: float) -> None:
        assert self.process.stdin
        try:
            while data:
                data = data[os.write(self.process.stdin.fileno(), data) :]
        except OSError as error:
            raise Retryable(Code.HOST_UNREACHABLE, f"the shell has gone: {error}") from error

    def recv(self, size: int, timeout: float) -> bytes:
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            raise Retryable(Code.HOST_UNREACHABLE, "no answer in time")
        return os.read(self.process.stdout.fileno(), size)

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)

    def kill(self) -> None:
        """kill -9 of the shell alone; what it forked lives on, as after a lost connection."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(60)


def local_gate(shell: str = "dash", home: Path | None = None) -> Gate:
    env = {"HOME": str(home)} if home else None
    return Gate(ShellPipe([*SHELLS[shell], "-s"], env), f"local {shell}", send_script=True)

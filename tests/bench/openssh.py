"""OpenSSH's client as the thing to be compared with."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.bench.rounds import Unmeasured
from tests.lab.sshd import Sshd

TUNED = ("-o", "KexAlgorithms=curve25519-sha256", "-o", "Ciphers=aes128-gcm@openssh.com")


def needed(program: str, package: str) -> str:
    found = shutil.which(program)
    if not found:
        raise Unmeasured(f"{program} is not installed (Debian: apt-get install {package})")
    return found


def client(sshd: Sshd, *options: str) -> list[str]:
    """`ssh` to this server with nobody's configuration; what follows is the remote command."""
    place = ["-p", str(sshd.port), f"{sshd.user}@{sshd.host}"]
    return [needed("ssh", "openssh-client"), *nobodys(sshd), *options, *place]


def nobodys(sshd: Sshd) -> list[str]:
    """Options of ssh and scp: this server's key and no configuration of whoever runs it."""
    own = ("IdentitiesOnly=yes", f"UserKnownHostsFile={sshd.known_hosts}", "GlobalKnownHostsFile=/dev/null")
    said = [word for option in own for word in ("-o", option)]
    return ["-F", "none", *said, "-i", str(sshd.client_key)]


def copier(sshd: Sshd, port: int, files: str, to: Path) -> list[str]:
    """`scp` of the files that match a pattern on this server, which is reached through this port."""
    place = ["-P", str(port), f"{sshd.user}@{sshd.host}:{files}", str(to)]
    return [needed("scp", "openssh-client"), "-q", *nobodys(sshd), *place]


def run(command: Sequence[str], stdout: object = subprocess.DEVNULL) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL)  # type: ignore[call-overload]


class Master:
    """A ControlMaster, aes128-gcm, that stays open."""

    def __init__(self, sshd: Sshd) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mux-"))  # a socket's path may have 107 bytes
        self._socket = f"ControlPath={self._folder / 'mux'}"
        self._sshd = sshd
        run(client(sshd, *TUNED, "-M", "-N", "-f", "-o", self._socket))

    def command(self) -> list[str]:
        return client(self._sshd, "-o", self._socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        run(client(self._sshd, "-o", self._socket, "-O", "exit"))
        shutil.rmtree(self._folder)

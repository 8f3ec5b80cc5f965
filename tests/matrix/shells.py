"""Login shells, with start-up files that say nothing, print or end the login: what `ssh` and alertprof make of it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import AlertprofError
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.bench import openssh
from tests.lab.account import account
from tests.lab.sshd import Sshd

HEAD = ("login shell", "start-up files", "`ssh`", "alertprof", "what alertprof says")
PRINTS = "echo Welcome; printf '\\033]0;a title\\007'\n"
QUIET: Mapping[str, str] = {}


@dataclass(frozen=True)
class Shell:
    """`file`: what it reads for a command, under the account's home; `package`: Debian's."""

    name: str
    package: str
    file: str = ""
    path: str = ""
    ends: Mapping[str, str] = field(default_factory=dict)

    def where(self, folder: Path) -> str:
        """busybox is told by its name which of its programs it is to be."""
        if self.name != "busybox":
            return self.path or shutil.which(self.name) or self.name
        (link := folder / "ash").symlink_to(shutil.which("busybox") or "busybox")
        return str(link)


SHELLS = (
    Shell("bash", "bash", ".bashrc", ends={".bashrc": "exec zsh\n"}),
    Shell("dash", "dash"),
    Shell("busybox", "busybox"),
    Shell("ksh93", "ksh93u+m"),
    Shell("mksh", "mksh"),
    Shell("zsh", "zsh", ".zshenv", ends={".zshenv": "exec bash\n"}),
    Shell("fish", "fish", ".config/fish/config.fish", ends={".config/fish/config.fish": "exit 3\n"}),
    Shell("tcsh", "tcsh", ".cshrc", ends={".cshrc": "exec bash\n"}),
    Shell("rbash", "bash", ".bashrc"),
    Shell("nologin", "login", path="/usr/sbin/nologin"),
)


def rows() -> Iterator[tuple[str, ...]]:
    install()
    for shell in SHELLS:
        for what, files in cases(shell):
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                folder.chmod(0o755)
                yield f"{shell.name} ({version(shell)})", what, *tried(shell.where(folder), files, folder)


def cases(shell: Shell) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield "none", QUIET
    own = {shell.file: PRINTS} if shell.file else {}
    yield f"{' and '.join([*own, '~/.ssh/rc'])} print", {**own, ".ssh/rc": PRINTS}
    for file, text in shell.ends.items():
        yield f"{file}: `{text.strip()}`", {file: text}


def tried(shell: str, files: Mapping[str, str], folder: Path) -> tuple[str, str, str]:
    with account(shell, files) as user, Sshd(folder / "sshd", user=user, startup=True) as sshd:
        command = [*openssh.client(sshd), "exec /bin/sh -c 'echo fine'"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        reached = "yes" if "fine" in done.stdout else "no"
        with closing(HostPool(Connector(sshd.settings()))) as pool:
            try:
                pool.gate(sshd.host).processes()
            except AlertprofError as fault:
                return reached, "no", fault.reason.message.partition(": ")[2].replace("|", "\\|")
        return reached, "yes", ""


def version(shell: Shell) -> str:
    asked = ["dpkg-query", "--show", "--showformat", "${Version}", shell.package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout or "not Debian's"


def install() -> None:
    missing = sorted({each.package for each in SHELLS if not (each.path or shutil.which(each.name))})
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        apt = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *missing]
        subprocess.run(apt, check=True, env=environment, stdout=subprocess.DEVNULL)

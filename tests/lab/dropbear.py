"""A real dropbear on a loopback port with throwaway keys. It needs root: the server reads the account's own
~/.ssh/authorized_keys, and so runs where another folder lies over that one.
"""

import getpass
import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

from app.hosts.settings import HostsSettings, SshOptions
from tests.lab.ports import free
from tests.lab.process import eventually
from tests.lab.sshd import make_key

DROPBEAR = shutil.which("dropbear", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
OVERLAID = 'mkdir -p "$HOME/.ssh" && mount --bind "$0" "$HOME/.ssh" && exec "$@"'


class Dropbear:
    def __init__(self, directory: Path, program: str = DROPBEAR or "dropbear") -> None:
        self.directory, self.host, self.user = directory, "127.0.0.1", getpass.getuser()
        self.port = free()
        self.client_key = make_key(directory / "client_key")
        self.known_hosts = directory / "known_hosts"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        theirs = self.directory / "dot_ssh"
        theirs.mkdir(mode=0o700)
        shutil.copy(self.client_key.with_suffix(".pub"), theirs / "authorized_keys")
        key = self.directory / "host_key"
        made = subprocess.run(
            ["dropbearkey", "-t", "ed25519", "-f", str(key)], check=True, capture_output=True, text=True
        )
        public = re.search(r"^ssh-ed25519 \S+", made.stdout, re.MULTILINE)
        assert public, made.stdout
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {public[0]}\n")
        server = [self._program, "-F", "-E", "-s", "-r", str(key), "-p", f"{self.host}:{self.port}"]
        server += ["-P", str(self.directory / "pid")]
        command = ["unshare", "--mount", "sh", "-c", OVERLAID, str(theirs), *server]
        env = os.environ | {"HOME": pwd.getpwnam(self.user).pw_dir}  # where dropbear looks, whatever HOME says here
        self._process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._speaks, "dropbear listens")
        return self

    def _speaks(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=30) as peer:
                return peer.recv(4) == b"SSH-"
        except OSError:
            return False

    def settings(self) -> HostsSettings:
        ssh = SshOptions(
            user=self.user, port=self.port, identity_files=(self.client_key,), known_hosts_files=(self.known_hosts,)
        )
        (self.directory / "ssh_config").touch()
        return HostsSettings(ssh=ssh, ssh_config_file=self.directory / "ssh_config")

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

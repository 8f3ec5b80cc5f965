"""A real sshd on a loopback port with throwaway keys: for the tests, the demo and the benchmarks.

    with Sshd(tmp_path) as sshd:
        connection = Connector(sshd.settings()).connect(sshd.host)

It may run as root or as an ordinary user; a `user` other than the current one needs root.
"""

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from app.hosts.settings import HostsSettings, SshOptions

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "/usr/sbin/sshd"
PATIENT = 60.0  # seconds for each step of a login, however busy the machine is
MARK = "ALERTPROF_LAB"  # in the environment of every session, so that nothing of it outlives stop()


class Sshd:
    """`config`: lines of sshd_config that win over ours. `host_keys`: the types the server has (ssh-keygen -t)."""

    def __init__(
        self,
        directory: Path,
        *,
        config: Sequence[str] = (),
        host_keys: Sequence[str] = ("ed25519",),
        listen: str = "127.0.0.1",
        user: str | None = None,
        within: Sequence[str] = (),
        program: str = SSHD,
        startup: bool = False,
    ) -> None:
        """within: a command that runs the server, such as `unshare --mount …`; its sessions see what it made.
        startup: a bash reads ~/.bashrc, which one that is not the first leaves alone."""
        self.directory = directory
        self._within, self._program, self._startup = within, program, startup
        self.host = listen
        self.user = user or getpass.getuser()
        self.port = 0
        self.client_key = directory / "client_key"
        self.known_hosts = directory / "known_hosts"
        self._mark = secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None
        self._make_keys(host_keys)
        self._config = [*config, *self._lines(host_keys)]

    def _make_keys(self, host_keys: Sequence[str]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        make_key(self.client_key)
        for kind in host_keys:
            make_key(self.directory / f"host_{kind}", kind)
        shutil.copy(self.client_key.with_suffix(".pub"), self.directory / "authorized_keys")
        (self.directory / "ssh_config").touch()

    def _lines(self, host_keys: Sequence[str]) -> list[str]:
        keys = self.directory / "authorized_keys"
        lines = [
            *(f"HostKey {self.directory / f'host_{kind}'}" for kind in host_keys),
            f"PidFile {self.directory / 'sshd.pid'}",
            f"AuthorizedKeysFile {keys}",
            f"SetEnv {MARK}={self._mark} SHLVL={0 if self._startup else 1}",
            *("StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no"),
            *("PermitRootLogin yes", "PrintMotd no", "UseDNS no", "LogLevel VERBOSE"),
            *("MaxStartups 200:30:400", "MaxSessions 100", "Subsystem sftp internal-sftp"),
        ]
        if self.user != getpass.getuser():  # who cannot look into a directory of mode 0700
            lines += [f"AuthorizedKeysCommand /bin/cat {keys}", "AuthorizedKeysCommandUser root"]
        if _knows_penalties():
            lines.append("PerSourcePenalties no")
        return lines

    def start(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for _ in range(10):
            self.port = self.port or free_port(self.host)
            if self._started():
                self._write_known_hosts()
                return self
            self.port = 0
        raise RuntimeError(f"sshd does not start:\n{self.log()}")

    def _started(self) -> bool:
        file = self.directory / "sshd_config"
        file.write_text("\n".join([f"ListenAddress {bracketed(self.host)}:{self.port}", *self._config, ""]))
        command = [*self._within, self._program, "-D", "-f", str(file), "-E", str(self._log)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < end:
            if f"Server listening on {self.host} port {self.port}." in self.log() and self._speaks():
                return True  # ours, and not somebody else's that has taken the port
            time.sleep(0.005)
        self.stop()
        return False

    def _speaks(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=30) as peer:
                return peer.recv(4) == b"SSH-"
        except OSError:
            return False

    def _write_known_hosts(self) -> None:
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        keys = [file.read_text().split()[:2] for file in sorted(self.directory.glob("host_*.pub"))]
        self.known_hosts.write_text("".join(f"{name} {kind} {key}\n" for kind, key in keys))

    def settings(self, **overrides: Any) -> HostsSettings:
        """Settings that reach this server, however busy the machine is, and read nothing of the person who runs it.

        Overrides are fields of HostsSettings or of SshOptions.
        """
        ssh = SshOptions(
            user=self.user, port=self.port, identity_files=(self.client_key,), known_hosts_files=(self.known_hosts,)
        )
        mine = {field.name for field in fields(SshOptions)} & overrides.keys()
        ssh = replace(ssh, **{name: overrides.pop(name) for name in mine})
        settings = HostsSettings(
            ssh=ssh,
            ssh_config_file=self.directory / "ssh_config",
            connect_timeout=PATIENT,
            banner_timeout=PATIENT,
            handshake_timeout=PATIENT,
            auth_timeout=PATIENT,
            channel_timeout=PATIENT,
            login_timeout=PATIENT,
        )
        return replace(settings, **overrides)

    @property
    def _log(self) -> Path:
        return self.directory / "sshd.log"

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def sessions(self) -> list[int]:
        """Every process that came of a connection: sshd's own children and whatever runs in their sessions."""
        master = self._process.pid if self._process else 0
        return [pid for pid in {*_descendants(master), *_marked(self._mark)} if pid != master]

    def cut(self) -> None:
        """Kills the sessions; the server goes on listening."""
        _kill(self.sessions())

    def stop(self) -> None:
        if self._process is None:
            return
        sessions = self.sessions()
        self._process.kill()
        self._process.wait()
        while sessions:  # what was being forked meanwhile shows its mark in the next look
            _kill(sessions)
            sessions = [pid for pid in self.sessions() if pid not in sessions]
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def make_key(file: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new key pair of ssh-keygen's; an existing one is kept. RSA's have 2048 bits, which are found in a moment."""
    if not file.exists():
        bits = ["-b", "2048"] if kind == "rsa" else []
        command = ["ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", "lab", "-f", str(file)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return file


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@cache
def _knows_penalties() -> bool:
    """OpenSSH from 9.8 on locks out a peer that fails often, and tests fail on purpose."""
    command = [SSHD, "-t", "-f", "/dev/null", "-h", "/dev/null", "-o", "PerSourcePenalties=no"]
    said = subprocess.run(command, capture_output=True, check=False, text=True)
    return "Bad configuration option" not in said.stderr


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> Iterator[int]:
    parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    for child, ancestor in parents.items():
        while ancestor not in (pid, 0):
            ancestor = parents.get(ancestor, 0)  # noqa: PLW2901
        if ancestor:
            yield child


def _parent(stat: Path) -> int:
    fields_after_name = _read(stat).rpartition(b")")[2].split()
    return int(fields_after_name[1]) if fields_after_name else 0


def _marked(mark: str) -> Iterator[int]:
    wanted = f"{MARK}={mark}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        if wanted in _read(environ).split(b"\0"):
            yield int(environ.parent.name)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""

"""What the user's ssh_config says about a host. Asked by route.py, for names that passed names.plain() only.

Where `ssh` is installed it is asked itself (`ssh -G`), since paramiko's reader does not follow Include.
"""

import os
import pwd
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import paramiko

from app.errors import Code, Refusal
from app.hosts.settings import SshOptions

SYSTEM_FILE = Path("/etc/ssh/ssh_config")
KEPT_FOR = 60.0  # seconds: a file that an Include names may change without its parent's mtime
DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class Entry:
    """`options` never has become or gate: those are ours. `alias` is HostKeyAlias."""

    options: SshOptions
    alias: str | None = None


class SshConfig:
    """ssh_config, remembered by host for a minute or until the file itself changes."""

    def __init__(self, file: Path | None, ssh: str | None = shutil.which("ssh")) -> None:
        self._file = file
        self._ssh = ssh if ssh and _account() else None
        self._said: dict[str, tuple[float, object, Entry]] = {}
        self._lock = threading.Lock()

    def entry(self, host: str) -> Entry:
        """What is said about `host`. Refusal(HOST_UNREACHABLE) for a file that cannot be followed."""
        now, signature = time.monotonic(), (_signature(self._main_file), _signature(SYSTEM_FILE))
        with self._lock:
            until, seen, entry = self._said.get(host, (0.0, None, Entry(SshOptions())))
        if now < until and seen == signature:
            return entry
        said = self._ask_ssh(host, self._ssh) if self._ssh else self._ask_paramiko(host)
        entry = _entry(host, said)
        with self._lock:
            self._said = {name: kept for name, kept in self._said.items() if now < kept[0]}
            self._said[host] = (now + KEPT_FOR, signature, entry)
        return entry

    @property
    def _main_file(self) -> Path:
        return self._file or Path.home() / ".ssh" / "config"

    def _ask_ssh(self, host: str, ssh: str) -> dict[str, list[str]]:
        # CanonicalizeHostname would look the name up, and nobody has allowed it yet
        command = [ssh, "-G", "-o", "CanonicalizeHostname=no", *self._which_file(), "--", host]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True
            )
        except subprocess.CalledProcessError as fault:
            raise _unusable(self._main_file, " ".join(fault.stderr.split())) from fault
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise _unusable(self._main_file, f"ssh -G: {fault}") from fault
        said: dict[str, list[str]] = {}
        for line in done.stdout.splitlines():
            key, _, value = line.partition(" ")
            said.setdefault(key, []).append(value)
        return said

    def _which_file(self) -> list[str]:
        if self._file:
            return ["-F", str(self._file)]
        account = _account()
        if account and Path(account.pw_dir) == Path.home():
            return []
        # ssh itself looks into the account's home, whatever HOME says
        return ["-F", str(self._main_file) if self._main_file.exists() else "none"]

    def _ask_paramiko(self, host: str) -> dict[str, list[str]]:
        try:
            text = self._main_file.read_text() if self._file or self._main_file.exists() else ""
        except OSError as fault:
            raise _unusable(self._main_file, str(fault.strerror)) from fault
        if re.search(r"^\s*include\b", text, re.IGNORECASE | re.MULTILINE):
            raise _unusable(self._main_file, "its Include can be followed only where ssh (openssh-client) is installed")
        try:
            found = paramiko.SSHConfig.from_text(text).lookup(host)
        except (paramiko.SSHException, paramiko.ConfigParseError, KeyError, ValueError) as fault:
            raise _unusable(self._main_file, str(fault)) from fault
        said = {key: value if isinstance(value, list) else [value or "none"] for key, value in found.items()}
        defaults = [f"~/.ssh/{name}" for name in DEFAULT_IDENTITIES]
        return {"identityfile": defaults, "user": [_me()], **said}


def _account() -> pwd.struct_passwd | None:
    """None in a container that runs under a number nobody knows: there `ssh` does not run at all."""
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        return None


def _me() -> str:
    account = _account()
    return account.pw_name if account else os.environ.get("USER", "root")


def _signature(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _unusable(file: Path, why: str) -> Refusal:
    return Refusal(Code.HOST_UNREACHABLE, f"the ssh configuration {file} cannot be used: {why}")


def _entry(host: str, said: Mapping[str, list[str]]) -> Entry:
    def first(key: str) -> str | None:
        value = said.get(key, ["none"])[0]
        return None if value == "none" else value

    if first("proxycommand") and not first("proxyjump"):
        raise Refusal(
            Code.HOST_UNREACHABLE,
            f"the ssh configuration reaches host {host} by ProxyCommand, which is not run here: use ProxyJump there, "
            "or say jump_host in alertprof's configuration",
        )
    expand = _tokens(host, first("hostname") or host, first("user") or "")
    identities = [expand(value) for value in said.get("identityfile", []) if value != "none"]
    options = SshOptions(
        user=first("user"),
        port=int(first("port") or 22),
        address=first("hostname"),
        identity_files=tuple(map(Path, identities)),
        known_hosts_files=_known_hosts_files(first("userknownhostsfile")),
        jump_host=first("proxyjump"),
    )
    return Entry(options, first("hostkeyalias"))


def _tokens(host: str, address: str, user: str) -> Callable[[str], str]:
    """`ssh -G` shows an IdentityFile as it was written, with ssh_config's tokens."""
    home = str(Path.home())
    values = {"%%": "%", "%d": home, "%h": address, "%n": host, "%r": user, "%u": _me()}

    def expand(text: str) -> str:
        text = home + text[1:] if text.startswith("~/") else text
        return re.sub("%.", lambda token: values.get(token[0], token[0]), text)

    return expand


def _known_hosts_files(said: str | None) -> tuple[Path, ...]:
    """OpenSSH's default names the account's home; ours follows HOME, so the default counts as not said."""
    account = _account()
    files = tuple(Path(word.strip('"')).expanduser() for word in (said or "").split())
    default = Path(account.pw_dir) / ".ssh" / "known_hosts" if account else None
    return () if files and files[0] == default else files

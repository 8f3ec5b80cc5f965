"""The user's ssh_config for a host. Used by route.py, only for names that passed names.plain().

Where `ssh` is installed, it reads the file (ssh_client.py); otherwise paramiko's reader does, which follows less
(ssh_reader.py). docs/ssh.md lists what is followed and what never is.
"""

import os
import pwd
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import Code, Refused, Retryable
from app.hosts import ssh_client, ssh_reader
from app.hosts.settings import SshOptions
from app.hosts.ssh_tokens import Tokens

SYSTEM_FILE = Path("/etc/ssh/ssh_config")
GLOBAL_KNOWN_HOSTS = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))
KEPT_FOR = 60.0  # seconds; a change of an included file does not show in the parent's mtime
TIME_LIMIT = 10.0  # seconds for `ssh -G`
DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")

Said = Mapping[str, list[str]]
NOTHING_SAID = SshOptions()


@dataclass(frozen=True, slots=True)
class Entry:
    """What ssh_config says about one host. `options` never has become or gate, which are alertprof's own.

    alias: HostKeyAlias; agent: IdentityAgent, "" for no agent, None for the one in SSH_AUTH_SOCK.
    """

    options: SshOptions
    alias: str | None = None
    global_known_hosts_files: tuple[Path, ...] = GLOBAL_KNOWN_HOSTS
    revoked_keys_file: Path | None = None
    certificate_files: tuple[Path, ...] = ()
    agent: str | None = None
    only_named_keys: bool = False


class SshConfig:
    """ssh_config. Answers are kept by host for a minute, or until the file itself changes."""

    def __init__(self, file: Path | None, ssh: str | None = shutil.which("ssh")) -> None:
        self._file = file
        self._ssh = ssh if ssh and _account() else None
        self._said: dict[tuple[str, SshOptions], tuple[float, object, Entry]] = {}
        self._of_all: dict[object, tuple[float, Said]] = {}  # what holds for every host
        self._lock = threading.Lock()

    def entry(self, host: str, ours: SshOptions = NOTHING_SAID) -> Entry:
        """The entry of `host`. ours: alertprof's own options, which win over the file.

        Raises Refused(HOST_UNREACHABLE) for a file that cannot be followed; Retryable for one that takes too long.
        """
        ours = SshOptions(user=ours.user, port=ours.port, address=ours.address, jump_host=ours.jump_host)
        now, signature = time.monotonic(), (_signature(self._main_file), _signature(SYSTEM_FILE))
        with self._lock:
            until, seen, entry = self._said.get((host, ours), (0.0, None, Entry(NOTHING_SAID)))
        if now < until and seen == signature:
            return entry
        said = self._ask_ssh(host, ours, self._ssh, signature) if self._ssh else self._ask_paramiko(host, ours)
        if _first(said, "proxycommand") and not _first(said, "proxyjump") and not ours.jump_host:
            raise _proxy_command(host)
        entry = _entry(host, said, ours)
        with self._lock:
            self._said = {name: kept for name, kept in self._said.items() if now < kept[0]}
            self._said[host, ours] = (now + KEPT_FOR, signature, entry)
        return entry

    @property
    def runs_commands(self) -> bool:
        """Whether reading the file for a host would run the commands of a `Match exec`."""
        if not self._ssh:
            return False
        mine = ssh_client.runs_commands(self._main_file, Path.home() / ".ssh")
        return mine or (not self._file and ssh_client.runs_commands(SYSTEM_FILE, SYSTEM_FILE.parent))

    @property
    def _main_file(self) -> Path:
        return self._file or Path.home() / ".ssh" / "config"

    def _ask_ssh(self, host: str, ours: SshOptions, ssh: str, signature: object) -> Said:
        """What ssh says of the host. Where its files make no difference between hosts, one answer serves all."""
        options = (*self._which_file(), *_as_words(ours))
        now, key = time.monotonic(), (options, signature)
        until, said = self._of_all.get(key, (0.0, {}))
        if now < until:
            return {**said, "host": [host], "hostname": [host]}
        try:
            said = ssh_client.ask(ssh, options, host, TIME_LIMIT)
        except ssh_client.TooSlow as fault:
            raise Retryable(Code.HOST_UNREACHABLE, _unusable(self._main_file, fault)) from fault
        except ssh_client.NotSaid as fault:
            raise Refused(Code.HOST_UNREACHABLE, _unusable(self._main_file, fault)) from fault
        if said.get("hostname") == [host] and not self._depends_on_host:
            self._of_all = {key: (now + KEPT_FOR, said)}
        return said

    @property
    def _depends_on_host(self) -> bool:
        mine = ssh_client.depends_on_host(self._main_file, Path.home() / ".ssh")
        return mine or (not self._file and ssh_client.depends_on_host(SYSTEM_FILE, SYSTEM_FILE.parent))

    def _which_file(self) -> list[str]:
        if self._file:
            return ["-F", str(self._file)]
        account = _account()
        if account and Path(account.pw_dir) == Path.home():
            return []
        # ssh itself looks into the account's home, whatever HOME says
        return ["-F", str(self._main_file) if self._main_file.exists() else "none"]

    def _ask_paramiko(self, host: str, ours: SshOptions) -> Said:
        defaults = {"identityfile": [f"~/.ssh/{name}" for name in DEFAULT_IDENTITIES], "user": [ours.user or _me()]}
        if not self._file and not self._main_file.exists():
            return defaults
        try:
            return {**defaults, **ssh_reader.read(self._main_file, host, ours)}
        except OSError as fault:
            raise Refused(Code.HOST_UNREACHABLE, _unusable(self._main_file, fault.strerror)) from fault
        except ssh_reader.NotUnderstood as fault:
            raise Refused(Code.HOST_UNREACHABLE, _unusable(self._main_file, fault)) from fault


def _as_words(ours: SshOptions) -> Iterator[str]:
    """Our options as arguments of ssh: they win, and the file's tokens and Match see them."""
    if ours.user:
        yield from ("-l", ours.user)
    if ours.port:
        yield from ("-p", str(ours.port))
    if ours.address:
        yield from ("-o", f"HostName={ours.address.strip('[]')}")
    if ours.jump_host:
        yield from ("-o", "ProxyJump=none")  # ssh refuses a circle of jump hosts, which is resolved here


def _account() -> pwd.struct_passwd | None:
    """None in a container whose uid has no account; `ssh` does not run at all there."""
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


def _unusable(file: Path, why: object) -> str:
    return f"the ssh configuration {file} cannot be used: {why}"


def _proxy_command(host: str) -> Refused:
    return Refused(
        Code.HOST_UNREACHABLE,
        f"the ssh configuration reaches host {host} by ProxyCommand, which is not run here: use ProxyJump there, "
        "or say jump_host in alertprof's configuration",
    )


def _first(said: Said, key: str) -> str | None:
    value = said.get(key, ["none"])[0]
    return None if value.lower() == "none" else value


def _entry(host: str, said: Said, ours: SshOptions) -> Entry:
    alias, jump = _first(said, "hostkeyalias"), _first(said, "proxyjump")
    address = (_first(said, "hostname") or host).replace("%h", host).replace("%%", "%")
    tokens = Tokens(
        asked=host,
        address=address,
        port=int(_first(said, "port") or 22),
        user=_first(said, "user") or "",
        alias=alias,
        me=_me(),
        is_direct=(ours.jump_host or jump or "none") == "none",
    )
    options = SshOptions(
        user=tokens.user or None,
        port=tokens.port,
        address=address,
        identity_files=tuple(_files(said, "identityfile", tokens)),
        known_hosts_files=_known_hosts_files(_first(said, "userknownhostsfile"), tokens),
        jump_host=jump and tokens.jump(jump),
    )
    revoked = _first(said, "revokedhostkeys")
    return Entry(
        options,
        alias,
        _global_files(said),
        Path(tokens.filled(revoked)) if revoked else None,
        tuple(_files(said, "certificatefile", tokens)),
        _agent(said, tokens),
        _first(said, "identitiesonly") == "yes",
    )


def _files(said: Said, key: str, tokens: Tokens) -> Iterator[Path]:
    return (Path(tokens.filled(value)) for value in said.get(key, []) if value.lower() != "none")


def _agent(said: Said, tokens: Tokens) -> str | None:
    value = said.get("identityagent", ["SSH_AUTH_SOCK"])[0]
    if value == "SSH_AUTH_SOCK":
        return None
    if value.lower() == "none":
        return ""
    if value.startswith("$") and value[1:].isidentifier():
        return os.environ.get(value[1:], "")
    return tokens.filled(value)


def _known_hosts_files(said: str | None, tokens: Tokens) -> tuple[Path, ...]:
    """OpenSSH's default is in the account's home and ours in HOME, so the default counts as unset.

    The null device counts as unset too: a host whose key is not checked is not reached.
    """
    account = _account()
    files = [Path(tokens.filled(word)) for word in ssh_client.paths_in(said or "")]
    default = Path(account.pw_dir) / ".ssh" / "known_hosts" if account else None
    return () if files and files[0] == default else tuple(file for file in files if str(file) != os.devnull)


def _global_files(said: Said) -> tuple[Path, ...]:
    if "globalknownhostsfile" not in said:
        return GLOBAL_KNOWN_HOSTS
    return tuple(map(Path, ssh_client.paths_in(_first(said, "globalknownhostsfile") or "")))

"""The options for reaching hosts, and their precedence.

Made by config/settings.py (`ssh:`, `hosts:`, `allowed_hosts:`), read by route.py. There are four layers, and the upper
one wins field by field: the first `hosts:` entry that matches, `ssh:`, the user's ssh_config, OpenSSH's defaults.
"""

from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class SshOptions:
    """How one host is reached. None or () means unset: the next layer decides."""

    user: str | None = None
    port: int | None = None
    address: str | None = None  # where the host really is
    identity_files: tuple[Path, ...] = ()
    known_hosts_files: tuple[Path, ...] = ()
    become: str | None = None  # "none" | "sudo"
    jump_host: str | None = None  # "[user@]host[:port]", several with commas; "none" is said: directly
    gate: str | None = None  # "sent" | "installed": what a session's command is
    shell_timeout: float | None = None  # seconds from the login until the account's shell has begun the gate

    def over(self, lower: Self) -> Self:
        """These options, with those of the lower layer where they are unset here."""
        said = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) not in (None, ())}
        return replace(lower, **said)


@dataclass(frozen=True, slots=True)
class HostOverride:
    """Options for the hosts whose name (as the alert gives it) fits `match`, a shell pattern."""

    match: str
    options: SshOptions


@dataclass(frozen=True, slots=True)
class HostsSettings:
    """The settings of this package. Timeouts are in seconds.

    `allowed`: names with * and networks; None allows exactly the hosts found in known_hosts.
    `ssh_config_file`: None is what `ssh` itself reads: ~/.ssh/config and the system's.
    `login_timeout` bounds everything from the name to the authenticated connection, jump host included.
    """

    ssh: SshOptions = SshOptions()
    overrides: tuple[HostOverride, ...] = ()
    allowed: tuple[str, ...] | None = None
    ssh_config_file: Path | None = None
    connect_timeout: float = 5.0
    banner_timeout: float = 5.0
    handshake_timeout: float = 10.0
    auth_timeout: float = 10.0
    channel_timeout: float = 5.0
    login_timeout: float = 20.0

    def override(self, host: str) -> SshOptions:
        """The options of the first `hosts:` entry that matches; all unset if none does."""
        fitting = (one.options for one in self.overrides if fnmatchcase(host, one.match.lower()))
        return next(fitting, SshOptions())

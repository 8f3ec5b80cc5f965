"""From a host's name to where it is, who we are there and which keys it may show. Nothing here touches the network.

Used by ssh.Connector before it connects, and by whoever only wants to know (explain, doctor).
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import Code, Refusal
from app.hosts import names
from app.hosts.known_hosts import Known, KnownHosts, entry
from app.hosts.settings import HostsSettings, SshOptions
from app.hosts.ssh_config import SshConfig

JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?P<host>\[[^]]+\]|[^:@\s]+)(?::(?P<port>\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Route:
    """`options` has every layer in it; `own_identities` are those that alertprof's configuration names."""

    host: str
    address: str
    port: int
    user: str
    options: SshOptions
    own_identities: tuple[Path, ...]
    known: Known
    jump: "Route | None" = None

    @property
    def shown(self) -> str:
        """For sentences: the host, and where it is if that is another name."""
        where = entry(self.address, self.port)
        return self.host if where == self.host else f"{self.host} ({self.user}@{where})"


class Router:
    """Decides, for names that anybody may have written into an alert."""

    def __init__(self, settings: HostsSettings) -> None:
        self._settings = settings
        self._config = SshConfig(settings.ssh_config_file)
        self._known_hosts = KnownHosts()

    def route(self, host: str) -> Route:
        """The way to `host`. Refusal(HOST_NOT_ALLOWED, HOST_UNKNOWN, HOST_KEY_MISMATCH, HOST_UNREACHABLE)."""
        name = names.plain(host)
        said = self._settings.override(name).over(self._settings.ssh)
        allowed = self._settings.allowed
        if allowed is not None and not names.fits(name, allowed):
            raise _not_allowed(name, f"is not in allowed_hosts ({', '.join(allowed) or 'empty'})")
        if allowed is None and names.relative(name) and not said.address and not said.known_hosts_files:
            raise _not_allowed(name, "is named neither by allowed_hosts nor in a known_hosts_file of the configuration")
        return self._resolve(name, said)

    def _resolve(self, name: str, said: SshOptions, *, is_jump: bool = False) -> Route:
        config = self._config.entry(name)
        options = said.over(config.options)
        address, port = (options.address or name).strip("[]"), options.port or 22
        known = self._known(name, address, port, options, config.alias)
        only_known = self._settings.allowed is None and not is_jump
        known.require(name, Code.HOST_NOT_ALLOWED if only_known else Code.HOST_UNKNOWN)
        route = Route(name, address, port, options.user or "", options, said.identity_files, known)
        return self._through(route, options.jump_host, is_jump=is_jump)

    def _known(self, name: str, address: str, port: int, options: SshOptions, alias: str | None) -> Known:
        home = Path.home() / ".ssh"
        files = options.known_hosts_files or (home / "known_hosts", home / "known_hosts2")
        written = [alias] if alias else [entry(address, port), entry(name, port)]
        return self._known_hosts.find(files, written)

    def _through(self, route: Route, jump: str | None, *, is_jump: bool) -> Route:
        if jump in (None, "none"):
            return route
        name, said = self._jump(route.host, jump or "")
        if is_jump:
            if name == route.host:  # an override for "*" is about the jump host too
                return route
            raise _chain(route.host, f"{name},{route.host}")
        return replace(route, jump=self._resolve(name, said, is_jump=True))

    def _jump(self, host: str, spec: str) -> tuple[str, SshOptions]:
        """A jump host's name and its options: what the spec says, its own override, and ssh: without its jump."""
        if "," in spec:
            raise _chain(host, spec)
        parts = JUMP.fullmatch(spec)
        if not parts:
            raise Refusal(Code.HOST_UNREACHABLE, f"host {host}: {spec!a} is no jump host; write [user@]host[:port]")
        name = names.plain(parts["host"])
        spoken = SshOptions(user=parts["user"], port=int(parts["port"]) if parts["port"] else None)
        general = replace(self._settings.ssh, jump_host=None, address=None)
        return name, spoken.over(self._settings.override(name).over(general))


def _not_allowed(name: str, why: str) -> Refusal:
    remedy = ": add it there if it may be profiled"
    if names.relative(name):
        remedy = (
            ". It means another machine to everybody who says it: have the alert name the host that was measured (a "
            "label host or node), or add it to allowed_hosts if alertprof's own is meant"
        )
    return Refusal(Code.HOST_NOT_ALLOWED, f"host {name} {why}{remedy}")


def _chain(host: str, spec: str) -> Refusal:
    return Refusal(
        Code.HOST_UNREACHABLE,
        f"host {host} is behind more than one jump host ({spec}); only one is supported: name one that reaches it",
    )

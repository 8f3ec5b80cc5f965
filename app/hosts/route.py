"""From a host's name to its address, user, options and known keys. Nothing here touches the network.

ssh.Connector uses it before it connects; explain and doctor use it to describe the route.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import Code, Refused
from app.hosts import names
from app.hosts.known_hosts import Known, KnownHosts, entry
from app.hosts.settings import HostsSettings, SshOptions
from app.hosts.ssh_config import GLOBAL_KNOWN_HOSTS, Entry, SshConfig

JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^\s,]+)@)?(?P<host>\[[^],]+\]|[^:@\s,]+)(?::(?P<port>\d{1,5}))?/?")

MOST_HOPS = 8  # before the host itself


@dataclass(frozen=True, slots=True)
class Route:
    """How a host is reached. `options`: all layers merged; `own_identities`: named by alertprof's configuration."""

    host: str
    address: str
    port: int
    user: str
    options: SshOptions
    own_identities: tuple[Path, ...]
    known: Known
    jump: "Route | None" = None
    certificate_files: tuple[Path, ...] = ()
    agent: str | None = None  # its socket; "" for none, None for the one that SSH_AUTH_SOCK names
    only_named_keys: bool = False  # of the agent's keys, those of the named files

    @property
    def hops(self) -> "tuple[Route, ...]":
        """Every host on the way, this one last."""
        return (*(self.jump.hops if self.jump else ()), self)

    @property
    def shown(self) -> str:
        """The host for sentences, with its user and address if that is another name."""
        where = entry(self.address, self.port)
        return self.host if where == self.host else f"{self.host} ({self.user}@{where})"


class Router:
    """Finds the route to a host, and decides whether it may be used. Names come from alerts and are not trusted."""

    def __init__(self, settings: HostsSettings) -> None:
        self._settings = settings
        self._config = SshConfig(settings.ssh_config_file)
        self._known_hosts = KnownHosts()

    def route(self, host: str) -> Route:
        """The route to `host`. Raises Refused: HOST_NOT_ALLOWED, HOST_UNKNOWN, HOST_KEY_MISMATCH, HOST_UNREACHABLE."""
        name = names.plain(host)
        said = self._settings.override(name).over(self._settings.ssh)
        allowed = self._settings.allowed
        if allowed is not None and not names.fits(name, allowed):
            raise _not_allowed(name, f"is not in allowed_hosts ({', '.join(allowed) or 'empty'})")
        if allowed is None and names.relative(name) and not said.address and not said.known_hosts_files:
            raise _not_allowed(name, "is named neither by allowed_hosts nor in a known_hosts_file of the configuration")
        if allowed is None and self._config.runs_commands:
            self._require_known(name, said)
        return self._resolve(name, said)

    def _require_known(self, name: str, said: SshOptions) -> None:
        """Checked before ssh_config is read, because that runs commands which may contain the name."""
        files = said.known_hosts_files or (*default_known_hosts(), *GLOBAL_KNOWN_HOSTS)
        known = self._known_hosts.find(files, [entry(name, said.port or 22), name])
        if not known.pinned:
            raise Refused(
                Code.HOST_NOT_ALLOWED,
                f"host {name} is not known by this name, and the ssh configuration's Match exec would run a command "
                "for it: add the host to allowed_hosts if it may be profiled",
            )

    def _resolve(self, name: str, said: SshOptions, before: tuple[str, ...] = ()) -> Route:
        """before: the hosts that are reached through this one, the target first."""
        config = self._config.entry(name, said)
        options = said.over(config.options)
        address, port = (options.address or name).strip("[]"), options.port or 22
        known = self._known(said, config, [config.alias] if config.alias else [entry(address, port), entry(name, port)])
        only_known = self._settings.allowed is None and not before
        known.require(name, Code.HOST_NOT_ALLOWED if only_known else Code.HOST_UNKNOWN)
        route = Route(
            name,
            address,
            port,
            options.user or "",
            options,
            said.identity_files,
            known,
            certificate_files=config.certificate_files,
            agent=config.agent,
            only_named_keys=config.only_named_keys,
        )
        return self._through(route, options.jump_host or "none", before)

    def _known(self, said: SshOptions, config: Entry, written: list[str]) -> Known:
        theirs = config.options.known_hosts_files or default_known_hosts()
        files = said.known_hosts_files or (*theirs, *config.global_known_hosts_files)
        return self._known_hosts.find(files, written, config.revoked_keys_file)

    def _through(self, route: Route, spec: str, before: tuple[str, ...]) -> Route:
        """The route with its jump hosts. spec: as ProxyJump has it, one jump host or several in order."""
        if spec == "none":
            return route
        *earlier, (name, said) = [self._jump(route.host, one) for one in spec.split(",")]
        hops = {name, *(other for other, _ in earlier)}
        if route.host in hops:  # an option for all hosts also applies to the jump host itself
            return route
        if hops & set(before) or len(before) == MOST_HOPS:
            raise _circle(route.host, spec)
        if earlier:
            said = replace(said, jump_host=spec.rpartition(",")[0])
        return replace(route, jump=self._resolve(name, said, (*before, route.host)))

    def _jump(self, host: str, spec: str) -> tuple[str, SshOptions]:
        """A jump host's name and options: those of the spec, of its own `hosts:` entry, and of `ssh:` without its
        jump."""
        parts = JUMP.fullmatch(spec.strip())
        if not parts:
            raise Refused(Code.HOST_UNREACHABLE, f"host {host}: {spec!a} is no jump host; write [user@]host[:port]")
        name = names.plain(parts["host"])
        spoken = SshOptions(user=parts["user"], port=int(parts["port"]) if parts["port"] else None)
        general = replace(self._settings.ssh, jump_host=None, address=None)
        return name, spoken.over(self._settings.override(name).over(general))


def default_known_hosts() -> tuple[Path, ...]:
    """The user's known_hosts files."""
    home = Path.home() / ".ssh"
    return home / "known_hosts", home / "known_hosts2"


def _not_allowed(name: str, why: str) -> Refused:
    remedy = ": add it there if it may be profiled"
    if names.relative(name):
        remedy = (
            ". It means another machine to everybody who says it: have the alert name the host that was measured (a "
            "label host or node), or add it to allowed_hosts if alertprof's own is meant"
        )
    return Refused(Code.HOST_NOT_ALLOWED, f"host {name} {why}{remedy}")


def _circle(host: str, spec: str) -> Refused:
    return Refused(
        Code.HOST_UNREACHABLE,
        f"host {host} is behind {spec}, and the way there goes in a circle or over more than {MOST_HOPS} jump hosts",
    )

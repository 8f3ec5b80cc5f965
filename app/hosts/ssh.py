"""Connections to hosts. The pool in gate/pool.py asks a Connector for them and opens pipes on them.

Never SSHClient and never a makefile: the finalizer of paramiko's ChannelStdinFile can stop the transport's thread
(paramiko#2685).
"""

import random
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import closing, suppress
from enum import StrEnum
from typing import Any

import paramiko

from app.errors import AlertprofError, Code, Refused, Retryable
from app.hosts import algorithms, wire
from app.hosts.breaker import SENTENCE, Breakers, TurnedAway
from app.hosts.identities import Identities, Identity, Offer
from app.hosts.inlet import Inlet
from app.hosts.known_hosts import entry, fingerprint
from app.hosts.pipe import LOST, ChannelPipe, Tunnel, told
from app.hosts.route import Route, Router
from app.hosts.settings import HostsSettings, SshOptions

DOWNLOAD_WINDOW = wire.LARGEST_WINDOW
LOGINS_AT_ONCE = 32
PROHIBITED, CONNECT_FAILED = 1, 2  # RFC 4254, 5.1
BESIDES = "asks for"
KEYS_ONLY = (
    "alertprof has keys only: let one be enough for this account (`AuthenticationMethods publickey` in a Match block)"
)
NOT_NOW = (
    f"its sshd says «{SENTENCE}»: either a penalty for logins of this address that failed (PerSourcePenalties) or too "
    "many logins at once (MaxStartups); it is left alone for a while. See in its log which key is refused, exempt this "
    "address there (PerSourcePenaltyExemptList), or raise MaxStartups"
)


class Connection:
    """An authenticated connection to `host`; `options` are all its layers together. Any thread may open pipes on it."""

    def __init__(self, route: Route, transport: paramiko.Transport, timeout: float, jump: "Connection | None") -> None:
        self.host, self.user = route.host, route.user
        self.options: SshOptions = route.options
        self._transport = transport
        self._timeout = timeout
        self._jump = jump
        self._forwarding = threading.Lock()  # paramiko keeps one last fault a connection, whoever met it

    @property
    def alive(self) -> bool:
        """False once the connection is known to be lost; a dead host is noticed within half a minute."""
        return self._transport.is_active()

    def open(self, command: str, *, window: int = DOWNLOAD_WINDOW, timeout: float | None = None) -> ChannelPipe:
        """Runs `command` by the account's shell. `window`: bytes on their way at once; `timeout`: seconds for the host
        to begin, where that may take longer than usual.

        Raises NoSession; Passing(HOST_UNREACHABLE).
        """
        timeout = timeout or self._timeout
        try:
            channel = self._transport.open_session(window_size=window, timeout=timeout)
            channel.in_buffer, channel.in_stderr_buffer = Inlet(window), Inlet(window)
            self._execute(channel, command, timeout)
        except paramiko.ChannelException as fault:
            said = f"no session was opened: sshd gives no further one on this connection (MaxSessions; {told(fault)})"
            raise NoSession(Code.HOST_UNREACHABLE, f"host {self.host}: {said}") from fault
        except LOST as fault:
            raise Retryable(
                Code.HOST_UNREACHABLE, f"host {self.host}: no session was opened ({told(fault)})"
            ) from fault
        if isinstance(self._transport.sock, wire.Wire):
            self._transport.sock.eager = False
        return ChannelPipe(channel, self.host)

    def _execute(self, channel: paramiko.Channel, command: str, timeout: float) -> None:
        def give_up() -> None:
            channel.event.set()  # exec_command waits for it without a time-out
            with suppress(*LOST):
                channel.close()

        with wire.within(timeout, give_up) as expired:
            try:
                channel.exec_command(command)  # one of the constants in entry.py  # nosec B601
            except LOST as fault:
                give_up()
                raise TimeoutError(f"no answer within {timeout:g} s") if expired.is_set() else fault from fault

    def tunnel(self, address: str, port: int) -> Tunnel:
        """A TCP connection from this host to a port that it reaches, its own loopback's too.

        Raises NotReached; Refusal(NOT_PERMITTED) when sshd does not forward there; Passing(HOST_UNREACHABLE).
        """
        try:
            return Tunnel(self.forward(address, port), self.host)
        except paramiko.ChannelException as fault:
            raise _no_tunnel(self.host, address, port, fault) from fault
        except LOST as fault:
            raise Retryable(Code.HOST_UNREACHABLE, f"host {self.host}: no tunnel was opened ({told(fault)})") from fault

    def forward(self, address: str, port: int) -> paramiko.Channel:
        """As `tunnel`, bare. Raises what paramiko raises."""
        with self._forwarding:
            return self._transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), window_size=DOWNLOAD_WINDOW, timeout=self._timeout
            )

    def close(self) -> None:
        """Never raises, may be repeated."""
        with suppress(*LOST):
            self._transport.close()
        if self._jump:
            self._jump.close()


class Step(StrEnum):
    """Of a login, in their order."""

    TCP = "connection"
    HOST_KEY = "host key"
    AUTHENTICATION = "authentication"


Report = Callable[[Route, Step, str], None]


class NoSession(Retryable):
    """sshd's MaxSessions is reached on this connection, which goes on."""


class NotReached(Retryable):
    """The host took the request for a tunnel, but nothing took its connection at that address and port."""


class NoAlgorithm(Refused):
    """The host has no algorithm of ours for one of the things to be agreed on."""


class NoBanner(Retryable):
    """The server took the connection and did not introduce itself: MaxStartups is reached, or it is starved."""


class Connector:
    """Logs in to hosts. Any thread may ask; at most LOGINS_AT_ONCE are served at a time."""

    def __init__(self, settings: HostsSettings, report: Report = lambda route, step, said: None) -> None:
        """`heed` hears every step of a login that has succeeded."""
        self._settings, self._report = settings, report
        self._router = Router(settings)
        self._identities = Identities()
        self._places = threading.BoundedSemaphore(LOGINS_AT_ONCE)
        self._breakers = Breakers()

    def route(self, host: str) -> Route:
        """Where connect() would go, without going there. Raises Refusal."""
        return self._router.route(host)

    def connect(self, host: str) -> Connection:
        """A new connection to `host`, a name or address as an alert has it.

        Raises Refusal: HOST_NOT_ALLOWED, HOST_UNKNOWN (both before anything is sent), HOST_KEY_MISMATCH, AUTH_FAILED,
        HOST_UNREACHABLE (a configuration that cannot be followed); Passing: HOST_UNREACHABLE.
        """
        route = self.route(host)
        end = time.monotonic() + self._settings.login_timeout
        if not self._places.acquire(timeout=self._settings.login_timeout):
            raise Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: too many logins at once, no place became free")
        try:
            return self._login(route, end)
        finally:
            self._places.release()

    def _login(self, route: Route, end: float) -> Connection:
        """A jump host's own circuit breaker answers for it: what it refuses is not this host's doing."""
        jump = self._login(route.jump, end) if route.jump else None
        try:
            with self._breakers.of(route).login(route.shown, keys_of(route), _left(end)):
                try:
                    return self._try_login(route, jump, end)
                except NoBanner:
                    time.sleep(random.uniform(0.1, 0.4))  # noqa: S311
                    return self._try_login(route, jump, end)
        except BaseException:
            if jump:
                jump.close()
            raise

    def _try_login(self, route: Route, jump: Connection | None, end: float) -> Connection:
        transport = wire.transport(self._sock(route, jump, end), route.known.kinds)
        try:
            self._report(route, Step.TCP, f"{entry(route.address, route.port)} takes connections")
            self._log_in(transport, route, end)
        except BaseException:
            transport.sock.close()
            with suppress(*LOST):
                transport.close()
            raise
        return Connection(route, transport, self._settings.channel_timeout, jump)

    def _sock(self, route: Route, jump: Connection | None, end: float) -> Any:
        try:
            if jump:
                return jump.forward(route.address, route.port)
            return wire.dial(route.address, route.port, min(self._settings.connect_timeout, _left(end)))
        except paramiko.ChannelException as fault:
            raise _not_forwarded(route, fault) from fault
        except LOST as fault:
            raise Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: no connection ({told(fault)})") from fault

    def _log_in(self, transport: algorithms.Transport, route: Route, end: float) -> None:
        transport.banner_timeout = self._settings.banner_timeout
        transport.handshake_timeout = self._settings.handshake_timeout
        transport.auth_timeout = self._settings.auth_timeout
        transport.channel_timeout = transport.clear_to_send_timeout = self._settings.channel_timeout
        with wire.within(_left(end), transport.close) as expired:
            try:
                self._negotiate(transport, route)
                key = transport.get_remote_server_key().asbytes()
                route.known.check(route.host, key)
                agreed = f"agreed on {algorithms.agreed(transport)}"
                self._report(route, Step.HOST_KEY, f"it shows the known key {fingerprint(key)}; {agreed}")
                self._authenticate(transport, route, end)
            except LOST as fault:
                raise self._lost(route, fault, greeting_of(transport), expired=expired.is_set()) from fault
        transport.sock.settimeout(wire.IDLE_CHECK)

    def _negotiate(self, transport: algorithms.Transport, route: Route) -> None:
        try:
            transport.start_client()
        except paramiko.ssh_exception.IncompatiblePeer as fault:
            if said := algorithms.nothing_in_common(transport):
                raise NoAlgorithm(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}") from fault
            raise

    def _lost(self, route: Route, fault: BaseException, greeting: str, *, expired: bool) -> AlertprofError:
        if expired:
            said = f"the login was not done within {self._settings.login_timeout:g} s"
            return Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
        if "banner" in str(fault) and SENTENCE in greeting:
            return TurnedAway(Code.HOST_UNREACHABLE, f"host {route.shown}: {NOT_NOW}")
        if "banner" in str(fault):
            instead = f" but says «{greeting}»" if greeting else ""
            said = f"it took the connection{instead} but does not speak SSH (MaxStartups reached, or starved)"
            return NoBanner(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
        said = f"host {route.shown}: the login was broken off ({told(fault)})"
        final = isinstance(fault, paramiko.ssh_exception.IncompatiblePeer)  # no algorithm in common
        return Refused(Code.HOST_UNREACHABLE, said) if final else Retryable(Code.HOST_UNREACHABLE, said)

    def _authenticate(self, transport: paramiko.Transport, route: Route, end: float) -> None:
        offer = Offer(
            route.own_identities,
            route.options.identity_files,
            route.certificate_files,
            route.agent,
            only_named=route.only_named_keys,
        )
        tried: list[str] = []  # labels, in order
        with closing(self._identities.offered(offer)) as identities:
            for identity in identities:
                tried.append(identity.label)
                if self._accepted(transport, route, identity, end):
                    self._report(route, Step.AUTHENTICATION, f"{route.user} is let in with {identity.label}")
                    return
                offer.notes.extend(_besides(transport.get_exception()))
                if not transport.is_active():
                    raise _hung_up(route, tried)
        raise _not_let_in(route, tried, offer.notes)

    def _accepted(self, transport: paramiko.Transport, route: Route, identity: Identity, end: float) -> bool:
        answered = threading.Event()
        transport.auth_publickey(route.user, identity.key, answered)
        answered.wait(min(self._settings.auth_timeout, _left(end)))
        if not answered.is_set():
            raise TimeoutError(f"no answer to {identity.label}")
        return transport.is_authenticated()


def greeting_of(transport: paramiko.Transport) -> str:
    """What the server said in the place of its version, in harmless characters."""
    said = getattr(transport.packetizer, "greeting", b"").decode("utf-8", "replace")
    return told(ValueError(said)) if said.strip() and not said.startswith("SSH-") else ""


def keys_of(route: Route) -> Hashable:
    """What will be offered, and to whom; another one when a file has changed."""
    files: list[tuple[str, int]] = []
    for file in route.options.identity_files:
        with suppress(OSError):
            files.append((str(file), file.stat().st_mtime_ns))
    return route.user, tuple(files)


def _besides(fault: BaseException | None) -> list[str]:
    """What the host would rather have, or wants on top of an accepted key."""
    if isinstance(fault, paramiko.ssh_exception.PartialAuthentication):
        return [f"the key is right, but the host {BESIDES} {' or '.join(fault.allowed_types)} besides"]
    if isinstance(fault, paramiko.BadAuthenticationType):
        return [f"the host takes no keys, only {' or '.join(fault.allowed_types)}"]
    return []


def _left(end: float) -> float:
    return max(end - time.monotonic(), 0.001)


def _not_forwarded(route: Route, fault: paramiko.ChannelException) -> AlertprofError:
    jump = route.jump.host if route.jump else ""
    if fault.code == PROHIBITED:
        said = f"the jump host {jump} may not forward: AllowTcpForwarding and permitopen decide that there"
        return Refused(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
    return Retryable(
        Code.HOST_UNREACHABLE, f"host {route.shown}: the jump host {jump} does not reach it ({told(fault)})"
    )


def _no_tunnel(host: str, address: str, port: int, fault: paramiko.ChannelException) -> AlertprofError:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if fault.code == PROHIBITED:
        return Refused(
            Code.NOT_PERMITTED,
            f"host {host}: its sshd does not forward this key to {where}: add "
            f'`port-forwarding,permitopen="{where}"` to the key\'s line in authorized_keys (behind restrict), '
            "and see that sshd_config's AllowTcpForwarding, PermitOpen and DisableForwarding let it",
        )
    if fault.code == CONNECT_FAILED:
        return NotReached(Code.HOST_UNREACHABLE, f"host {host}: nothing takes connections at {where} there")
    return Retryable(Code.HOST_UNREACHABLE, f"host {host}: no tunnel to {where} ({told(fault)})")


def _hung_up(route: Route, tried: list[str]) -> AlertprofError:
    if len(tried) == 1:
        said = f"the connection was lost while {tried[0]} was being offered"
        return Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
    said = f"host {route.shown} hung up after {len(tried)} keys (MaxAuthTries): name the right one as identity_file"
    return Refused(Code.AUTH_FAILED, f"{said}; tried {', '.join(tried)}")


def lets_in(user: str) -> str:
    """sshd says the same to a key that it does not know and to a user whom it lets in with no key."""
    lists = "DenyUsers, AllowUsers and the like" + (", or PermitRootLogin," if user == "root" else "")
    return (
        f"add the public key to {user}'s authorized_keys there, or name another identity_file; if it is there, sshd's "
        f"log tells whether {lists} keep the user out"
    )


def _not_let_in(route: Route, tried: list[str], notes: list[str]) -> Refused:
    said = f"none of these keys was accepted: {', '.join(tried)}" if tried else "there is no key to offer"
    remedy = KEYS_ONLY if any(BESIDES in note for note in notes) else lets_in(route.user)
    return Refused(
        Code.AUTH_FAILED, "; ".join([f"user {route.user} may not log in to host {route.shown}: {said}", *notes, remedy])
    )

"""Connections to hosts. The pool in gate/pool.py asks a Connector for them and opens pipes on them.

SSHClient and makefile() are never used: the finalizer of paramiko's ChannelStdinFile can stop the transport's thread
(paramiko#2685).
"""

import random
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from typing import Any

import paramiko

from app.errors import AlertprofError, Code, Refused, Retryable
from app.hosts import wire
from app.hosts.breaker import Breakers
from app.hosts.inlet import Inlet
from app.hosts.known_hosts import entry
from app.hosts.login import Login, NoBanner, Report, Step, seconds_left
from app.hosts.pace import Pace
from app.hosts.pipe import LOST, ChannelPipe, Tunnel, one_line
from app.hosts.route import Route, Router
from app.hosts.settings import HostsSettings, SshOptions

DOWNLOAD_WINDOW = wire.LARGEST_WINDOW
PROHIBITED, CONNECT_FAILED = 1, 2  # RFC 4254, 5.1


class Connection:
    """An authenticated connection to `host`. `options`: all layers merged. Any thread may open pipes on it."""

    def __init__(self, route: Route, transport: paramiko.Transport, timeout: float, jump: "Connection | None") -> None:
        self.host, self.user = route.host, route.user
        self.options: SshOptions = route.options
        self._transport = transport
        self._timeout = timeout
        self._jump = jump
        self._forwarding = threading.Lock()  # paramiko keeps one last error per connection, for all threads

    @property
    def alive(self) -> bool:
        """False once the connection is known to be lost. A dead host is noticed within 30 seconds."""
        return self._transport.is_active()

    def open(self, command: str, *, window: int = DOWNLOAD_WINDOW, timeout: float | None = None) -> ChannelPipe:
        """Runs `command` in the account's shell.

        window: bytes that may be in flight; timeout: seconds until the host has begun, where that may take longer
        than usual. Raises NoSession; Retryable(HOST_UNREACHABLE).
        """
        timeout = timeout or self._timeout
        try:
            channel = self._transport.open_session(window_size=window, timeout=timeout)
            channel.in_buffer, channel.in_stderr_buffer = Inlet(window), Inlet(window)
            self._execute(channel, command, timeout)
        except paramiko.ChannelException as fault:
            said = (
                f"no session was opened: sshd gives no further one on this connection (MaxSessions; {one_line(fault)})"
            )
            raise NoSession(Code.HOST_UNREACHABLE, f"host {self.host}: {said}") from fault
        except LOST as fault:
            raise Retryable(
                Code.HOST_UNREACHABLE, f"host {self.host}: no session was opened ({one_line(fault)})"
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
        """A TCP connection from this host to a port that it reaches, on its own loopback too.

        Raises NotReached; Refused(NOT_PERMITTED) when sshd does not forward there; Retryable(HOST_UNREACHABLE).
        """
        try:
            return Tunnel(self.forward(address, port), self.host)
        except paramiko.ChannelException as fault:
            raise _no_tunnel(self.host, address, port, fault) from fault
        except LOST as fault:
            raise Retryable(
                Code.HOST_UNREACHABLE, f"host {self.host}: no tunnel was opened ({one_line(fault)})"
            ) from fault

    def forward(self, address: str, port: int) -> paramiko.Channel:
        """As `tunnel`, as paramiko's channel. Raises what paramiko raises."""
        with self._forwarding:
            return self._transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), window_size=DOWNLOAD_WINDOW, timeout=self._timeout
            )

    def close(self) -> None:
        """Closes the connection and those to its jump hosts. Never raises, may be repeated."""
        with suppress(*LOST):
            self._transport.close()
        if self._jump:
            self._jump.close()


class NoSession(Retryable):
    """sshd's MaxSessions is reached on this connection. The connection itself stays open."""


class NotReached(Retryable):
    """The host accepted the request for a tunnel, but nothing accepts connections at that address and port."""


class Connector:
    """Logs in to hosts. Any thread may call it. pace: turns for logins, which whoever makes many has to take."""

    def __init__(self, settings: HostsSettings, report: Report = lambda route, step, said: None) -> None:
        """report: called with every step of a login that has succeeded."""
        self._settings, self._report = settings, report
        self._router = Router(settings)
        self._login = Login(settings, report)
        self.pace = Pace()
        self._breakers = Breakers()

    def route(self, host: str) -> Route:
        """The route that connect() would take. Touches no network. Raises Refused."""
        return self._router.route(host)

    def connect(self, host: str) -> Connection:
        """A new connection to `host`, a name or address as an alert has it.

        Raises Refused: HOST_NOT_ALLOWED, HOST_UNKNOWN (both before anything is sent), HOST_KEY_MISMATCH, AUTH_FAILED,
        HOST_UNREACHABLE (a configuration that cannot be followed); Retryable: HOST_UNREACHABLE.
        """
        route = self.route(host)
        return self._log_in(route, time.monotonic() + self._settings.login_timeout)

    def _log_in(self, route: Route, end: float) -> Connection:
        """A jump host has a circuit breaker of its own: what it refuses does not count against this host."""
        jump = self._log_in(route.jump, end) if route.jump else None
        try:
            with self._breakers.of(route).login(route.shown, keys_of(route), seconds_left(end)):
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
        transport = wire.transport(self._socket(route, jump, end), route.known.kinds)
        try:
            self._report(route, Step.TCP, f"{entry(route.address, route.port)} takes connections")
            self._login.run(transport, route, end)
        except BaseException:
            transport.sock.close()
            with suppress(*LOST):
                transport.close()
            raise
        return Connection(route, transport, self._settings.channel_timeout, jump)

    def _socket(self, route: Route, jump: Connection | None, end: float) -> Any:
        try:
            if jump:
                return jump.forward(route.address, route.port)
            return wire.dial(route.address, route.port, min(self._settings.connect_timeout, seconds_left(end)))
        except paramiko.ChannelException as fault:
            raise _not_forwarded(route, fault) from fault
        except LOST as fault:
            raise Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: no connection ({one_line(fault)})") from fault


def keys_of(route: Route) -> Hashable:
    """Identifies what will be offered, and as which user. It changes when a key file does."""
    files: list[tuple[str, int]] = []
    for file in route.options.identity_files:
        with suppress(OSError):
            files.append((str(file), file.stat().st_mtime_ns))
    return route.user, tuple(files)


def _not_forwarded(route: Route, fault: paramiko.ChannelException) -> AlertprofError:
    jump = route.jump.host if route.jump else ""
    if fault.code == PROHIBITED:
        said = f"the jump host {jump} may not forward: AllowTcpForwarding and permitopen decide that there"
        return Refused(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
    return Retryable(
        Code.HOST_UNREACHABLE, f"host {route.shown}: the jump host {jump} does not reach it ({one_line(fault)})"
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
    return Retryable(Code.HOST_UNREACHABLE, f"host {host}: no tunnel to {where} ({one_line(fault)})")

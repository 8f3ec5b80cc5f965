"""The connection and the gates of one host. pool.py keeps one of these a host."""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from time import monotonic

from app.errors import AlertprofError, Code, Retryable
from app.gate.client import Gate
from app.gate.entry import NoEntry
from app.gate.observer import SILENT, Observer
from app.gate.words import Words, about
from app.hosts.breaker import Paused, TurnedAway
from app.hosts.pipe import Tunnel
from app.hosts.ssh import Connection, Connector, NoSession, NotReached

IDLE = 600.0  # seconds
FAILURES_ALLOWED = 3  # logins that may fail in a row before the next one has to wait
PAUSES = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)  # seconds, longer each time


class LeftAlone(Retryable):
    """Several logins failed in a row. host: by its plain name; seconds: for how long none is tried."""

    def __init__(self, fault: Retryable, host: str, seconds: float) -> None:
        super().__init__(fault.reason.code, fault.reason.message)
        self.host, self.seconds = host, seconds


class HostSession:
    """Thread-safe. enter: makes a gate on a connection, as the configuration says; users: who may not be cut off."""

    def __init__(
        self, host: str, connector: Connector, enter: Callable[..., Gate], observer: Observer = SILENT
    ) -> None:
        self.host = host
        self.used, self.users = monotonic(), 0
        self.enter, self._observer = enter, observer
        self._connector = connector
        self._lock = Lock()
        self._connection: Connection | None = None
        self._tunnels: list[Tunnel] = []
        self._gate: Gate | None = None
        self._files: Gate | None = None
        self._failures, self._paused_until = 0, 0.0

    @property
    def idle(self) -> bool:
        """Nobody has asked for it for a while, and nothing comes home over it."""
        if self.users or any(tunnel.open for tunnel in self._tunnels):
            self.used = monotonic()
            return False
        return monotonic() - self.used > IDLE

    def gate(self, pid: int = 0) -> Gate:
        """The gate. pid: a process that it is asked about at once; 0: none."""
        with self._lock:
            return self._standing(pid)

    def _standing(self, pid: int = 0) -> Gate:
        if self._gate is None or self._gate.lost or not self.connected:
            self._gate = self._open(ahead=about(pid) if pid else ())
        elif pid:
            self._gate.ask_ahead(*about(pid))
        return self._gate

    def files(self) -> Gate:
        """A second gate for files, so that nobody waits behind a long one; the first, where sshd opens one session."""
        with self._lock:
            if self._files is None or self._files.lost or not self.connected:
                try:
                    self._files = self._open(ours=1)
                except NoSession:
                    return self._standing()
            return self._files

    def tunnel(self, address: str, port: int) -> Tunnel:
        tunnel = self._tunnel(address, port)
        self._tunnels = [*(each for each in self._tunnels if each.open), tunnel]
        return tunnel

    def _tunnel(self, address: str, port: int) -> Tunnel:
        connection = self._connection_now()
        self._observer.tunnel(self.host, address, port)
        try:
            return connection.tunnel(address, port)
        except NotReached:
            raise
        except Retryable:
            if connection.alive and self._answers():
                raise
        return self._connection_now().tunnel(address, port)

    def _connection_now(self) -> Connection:
        with self._lock:
            self._standing()
            assert self._connection  # noqa: S101 - set with the gate
            return self._connection

    def close(self) -> None:
        with self._lock:
            for gate in filter(None, (self._gate, self._files)):
                gate.close()
            if self._connection:
                self._connection.close()
            self._gate = self._files = self._connection = None

    @property
    def connected(self) -> bool:
        connection = self._connection  # read once: another thread may close it
        return connection is not None and connection.alive

    def _open(self, ours: int = 0, ahead: Sequence[Words] = ()) -> Gate:
        """A gate on the connection that there is; where that turns out to be dead, once more on a new one.

        ours: how many of the guests are whoever asks; ahead: the gate's first requests."""
        if self._connection is not None:
            try:
                return self._entered(self._connection, ahead)
            except NoSession:  # an answer, so the connection stands
                if self._connection.alive and (self._stands or self._has_guests(ours)):
                    raise
            except Retryable:
                if self._connection.alive and (self._answers() or self._has_guests(ours)):  # who would be cut off
                    raise
            self._connection.close()
        self._connection = self._gate = self._files = None
        self._require_no_pause()
        with self._connector.pace.turn():
            return self._observed(ahead)

    def _observed(self, ahead: Sequence[Words]) -> Gate:
        """A gate on a new connection, of which the observer is told."""
        began = monotonic()
        try:
            gate = self._begun(ahead)
        except AlertprofError as fault:
            self._observer.login(self.host, "", monotonic() - began, fault.reason)
            raise
        self._observer.login(self.host, self._connection.user if self._connection else "", monotonic() - began, None)
        return gate

    def _entered(self, connection: Connection, ahead: Sequence[Words], *, fresh: bool = False) -> Gate:
        for verb, *words in ahead:
            self._observer.request(self.host, verb, words)
        gate = self.enter(connection, fresh=fresh, ahead=ahead)
        gate.sent = partial(self._observer.request, self.host)
        return gate

    def _begun(self, ahead: Sequence[Words]) -> Gate:
        """A gate on a new connection."""
        connection = self._connect()
        try:
            gate = self._entered(connection, ahead, fresh=True)
        except NoSession as fault:
            connection.close()
            message = "its sshd opens no session at all (MaxSessions 0): set it to 2 or more for this account"
            raise NoEntry(Code.NOT_PERMITTED, f"{self.host}: {message}") from fault
        except AlertprofError:
            connection.close()
            raise
        self._connection = connection
        return gate

    @property
    def _stands(self) -> bool:
        """Is there a gate, as far as is known?"""
        return self._gate is not None and not self._gate.lost

    def _answers(self) -> bool:
        """Is there a gate that answers? A connection may be open still that has fallen silent."""
        gate = self._gate  # read once, as in `connected`
        return gate is not None and not gate.lost and gate.answers()

    def _has_guests(self, ours: int) -> bool:
        """Does somebody else bring files home over the connection, or has a tunnel?"""
        return self.users > ours or any(tunnel.open for tunnel in self._tunnels)

    @property
    def pause_left(self) -> float:
        """Seconds for which no login is tried; 0 or less: none."""
        return self._paused_until - monotonic()

    def _require_no_pause(self) -> None:
        """A host that did not let us in several times in a row is not even tried for a while."""
        if (left := self.pause_left) > 0:
            message = f"{self.host}: {self._failures} logins failed in a row; the next one is tried in {left:.0f} s"
            raise LeftAlone(Retryable(Code.HOST_UNREACHABLE, message), self.host, left)

    def _connect(self) -> Connection:
        try:
            connection = self._connector.connect(self.host)
        except Paused as fault:
            raise LeftAlone(fault, self.host, fault.seconds) from fault
        except TurnedAway:  # which has pauses of its own
            raise
        except Retryable as fault:
            self._failures += 1
            if self._failures < FAILURES_ALLOWED:
                raise
            pause = PAUSES[min(self._failures - FAILURES_ALLOWED, len(PAUSES) - 1)]
            self._paused_until = monotonic() + pause
            raise LeftAlone(fault, self.host, pause) from fault
        self._failures = 0
        return connection

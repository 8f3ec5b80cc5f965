"""The host pool: one connection and at most two gates a host, kept open. Resolvers and profilers use it.

A connection stays open while something records on its host. When a session ends, logind may end whatever was started in
it, including the dead-man's switch. So the pool closes a connection only when nobody has asked for it for a while; a
capture that waits for a recording asks every few seconds.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from time import monotonic

from app.errors import Code, Refused, Retryable
from app.gate.client import Gate
from app.gate.entry import enter
from app.gate.host_session import HostSession
from app.gate.leased import require_lease
from app.gate.observer import SILENT, Observer
from app.gate.recipes import Recipe
from app.hosts.names import plain
from app.hosts.pipe import Tunnel
from app.hosts.ssh import Connector
from app.redaction import BUILT_IN, Redaction

NO_HOSTS = (Code.HOST_NOT_ALLOWED, Code.HOST_UNKNOWN)


class HostPool:
    """Thread-safe. Raises what Connector.connect raises, and Retryable for a lost gate.

    recipes: what of the configuration is part of every gate that is sent; redaction: of what gates tell; observer: is
    told what is done to hosts."""

    def __init__(
        self,
        connector: Connector,
        recipes: Iterable[Recipe] = (),
        redaction: Redaction = BUILT_IN,
        observer: Observer = SILENT,
    ) -> None:
        self._observer = observer
        self._sessions: dict[str, HostSession] = {}
        self._lock = Lock()
        self.follow(connector, recipes, redaction, lambda host: False)

    def follow(
        self,
        connector: Connector,
        recipes: Iterable[Recipe],
        redaction: Redaction,
        at_work: Callable[[str], bool],
    ) -> None:
        """Reaches hosts, and makes gates, by another configuration from now on.

        at_work: whether captures are active on a host. There the earlier connection stays until they have ended,
        since it holds what they have begun."""
        with self._lock:
            self._connector, self._enter = connector, partial(enter, recipes=tuple(recipes), redaction=redaction)
            self._at_work = at_work

    def permit(self, host: str) -> None:
        """Raises Refused where the configuration allows no new capture on a host whose earlier connection stays."""
        if self._session(host).enter is not self._enter:
            self._connector.route(host)

    def gate(self, host: str, pid: int = 0) -> Gate:
        """The host's gate, connecting first where there is none. One login at a time a host.

        pid: the process that it will be asked about next, which is asked in the same round trip; 0: none."""
        session = self._session(host)
        try:
            return session.gate(pid)
        except Refused as refused:
            if refused.reason.code in NO_HOSTS:  # any label may bring a new name; none of them is kept
                with self._lock:
                    self._sessions.pop(session.host, None)
            raise

    @contextmanager
    def files(self, host: str) -> Iterator[Gate]:
        """The host's gate for files, on the same connection. It is kept: each new session would run the account's
        start-up files again. Where sshd gives one session only, it is the one for everything."""
        with self._staying(host) as session:
            gate = session.files()
            try:
                yield gate
            finally:
                with suppress(Retryable):
                    gate.end_fetch()

    def tunnel(self, host: str, address: str, port: int) -> Tunnel:
        """A TCP connection to a port as seen from the host, on the connection that is there. Close it.

        Raises what `gate` and Connection.tunnel raise."""
        require_lease(host)
        return self._session(host).tunnel(address, port)

    @property
    def crowded(self) -> bool:
        """Whether other hosts wait to be reached."""
        return self._connector.pace.crowded

    def states(self) -> tuple[int, int]:
        """How many hosts are connected, and how many are left alone for a while because logins failed."""
        with self._lock:
            sessions = list(self._sessions.values())
        return sum(session.connected for session in sessions), sum(session.pause_left > 0 for session in sessions)

    def close_idle(self) -> None:
        with self._lock:
            idle = [session for session in self._sessions.values() if session.idle]
            for session in idle:
                del self._sessions[session.host]
        for session in idle:
            session.close()

    def close(self) -> None:
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()

    @contextmanager
    def _staying(self, host: str) -> Iterator[HostSession]:
        """The host's room, which is not idle until the end, however long that takes."""
        session = self._session(host)
        with self._lock:
            session.users += 1
        try:
            yield session
        finally:
            with self._lock:
                session.users -= 1
                session.used = monotonic()

    def _session(self, host: str) -> HostSession:
        """One for each host, however its name is spelled."""
        host = plain(host)
        outdated = self._outdated(host)
        with self._lock:
            if outdated and self._sessions.get(host) is outdated:
                del self._sessions[host]
            session = self._sessions.setdefault(host, HostSession(host, self._connector, self._enter, self._observer))
            session.used = monotonic()
        if outdated:
            outdated.close()
        return session

    def _outdated(self, host: str) -> HostSession | None:
        """What the host has of an earlier configuration, once nothing needs it any more."""
        session = self._sessions.get(host)
        if session is None or session.enter is self._enter or session.users:
            return None
        return None if self._at_work(host) else session

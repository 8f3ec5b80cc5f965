"""The circuit breaker for a server that refuses connections: fewer logins at once, and growing pauses.

sshd's MaxStartups refuses connections beyond its limit; its PerSourcePenalties block an address whose logins failed.
Newer servers send the same sentence for both, and further attempts prolong the penalty. Used by ssh.Connector.
"""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from time import monotonic

from app.errors import Code, Refused, Retryable
from app.hosts.route import Route

AT_ONCE = 8  # logins to one server; OpenSSH begins to refuse at ten
FIRST, LONGEST = 20.0, 600.0  # seconds of a pause, twice as long each time
AGAIN = 20.0  # seconds before refused keys are offered again; penalties do not add up at this rate
SENTENCE = "Not allowed at this time"


class TurnedAway(Retryable):
    """The server refuses connections for a while, or a pause is on."""


class Breaker:
    """The circuit breaker of one server. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._limit = 0, AT_ONCE
        self._pauses, self._pause_length, self._until = 0, 0.0, 0.0
        self._refused: dict[Hashable, tuple[Refused, float]] = {}

    @contextmanager
    def login(self, shown: str, keys: Hashable, timeout: float) -> Iterator[None]:
        """One login, in the block.

        shown: the host, for sentences; keys: identifies what is offered; timeout: seconds to wait for a place.

        Raises what the block raises; TurnedAway during a pause; Retryable when no place becomes free; and at once the
        Refused that the same keys met less than AGAIN seconds ago.
        """
        self._take_place(shown, timeout)
        try:
            self._check(shown, keys)
            yield
        except TurnedAway:
            self._pause()
            raise
        except Refused as refused:
            if refused.reason.code is Code.AUTH_FAILED:
                self._refused.setdefault(keys, (refused, monotonic() + AGAIN))
            raise
        else:
            self._succeeded()
        finally:
            self._leave()

    def _take_place(self, shown: str, timeout: float) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._inside < self._limit, timeout):
                said = f"host {shown}: {self._inside} logins to it at once, no place became free"
                raise Retryable(Code.HOST_UNREACHABLE, said)
            self._inside += 1

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def _check(self, shown: str, keys: Hashable) -> None:
        if (left := self._until - monotonic()) > 0:
            said = f"its sshd said «{SENTENCE}»; no login is tried for {self._pause_length:.0f} s"
            raise Paused(Code.HOST_UNREACHABLE, f"host {shown}: {said}", left)
        refused, again = self._refused.get(keys, (None, 0.0))
        if refused and again > monotonic():
            raise Refused(
                refused.reason.code, f"{refused.reason.message} (they are not offered again for {AGAIN:.0f} s)"
            )
        self._refused.pop(keys, None)

    def _pause(self) -> None:
        with self._changed:
            if self._until <= monotonic():
                self._pause_length = min(FIRST * 2**self._pauses, LONGEST)
                self._until = monotonic() + self._pause_length
                self._pauses, self._limit = self._pauses + 1, 1

    def _succeeded(self) -> None:
        with self._changed:
            self._pauses, self._limit = 0, min(self._limit + 1, AT_ONCE)


class Paused(TurnedAway):
    """A pause is on; no login was tried. seconds: that are left of it."""

    def __init__(self, code: Code, message: str, seconds: float) -> None:
        super().__init__(code, message)
        self.seconds = seconds


class Breakers:
    """The breakers of all servers, by route: behind two jump hosts, one address may be two servers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[Hashable, Breaker] = {}

    def of(self, route: Route) -> Breaker:
        """The breaker of the server at the end of this route."""
        with self._lock:
            return self._all.setdefault(tuple((hop.address, hop.port) for hop in route.hops), Breaker())

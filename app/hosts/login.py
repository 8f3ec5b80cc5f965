"""One login over a transport that is connected: host key, then authentication; and the sentence for one that fails.

Used by ssh.Connector.
"""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum

import paramiko

from app.errors import AlertprofError, Code, Refused, Retryable
from app.hosts import algorithms, wire
from app.hosts.auth_request import AuthRequest
from app.hosts.breaker import SENTENCE, TurnedAway
from app.hosts.identities import Identities, Identity, Offer
from app.hosts.known_hosts import fingerprint
from app.hosts.pipe import LOST, one_line
from app.hosts.route import Route
from app.hosts.settings import HostsSettings

BESIDES = "asks for"
TOO_MANY_KEYS = "Too many authentication failures"  # OpenSSH's words
KEYS_ONLY = (
    "alertprof has keys only: let one be enough for this account (`AuthenticationMethods publickey` in a Match block)"
)
NOT_NOW = (
    f"its sshd says «{SENTENCE}»: either a penalty for logins of this address that failed (PerSourcePenalties) or too "
    "many logins at once (MaxStartups); it is left alone for a while. See in its log which key is refused, exempt this "
    "address there (PerSourcePenaltyExemptList), or raise MaxStartups"
)


class Step(StrEnum):
    """The steps of a login, in their order."""

    TCP = "connection"
    HOST_KEY = "host key"
    AUTHENTICATION = "authentication"


Report = Callable[[Route, Step, str], None]  # the host, the step that succeeded, a sentence about it


class NoAlgorithm(Refused):
    """The host offers no algorithm that alertprof has, for one of the parts of the handshake."""


class NoBanner(Retryable):
    """The server accepted the connection and sent no banner: MaxStartups is reached, or the host is overloaded."""


class Login:
    """Logs in to hosts, one transport at a time. Any thread may use it.

    report: called with every step that has succeeded, and with a sentence about it.
    """

    def __init__(self, settings: HostsSettings, report: Report) -> None:
        self._settings, self._report = settings, report
        self._identities = Identities()

    def run(self, transport: algorithms.Transport, route: Route, end: float) -> None:
        """Authenticates on `transport` until `end` (time.monotonic), once the host has shown a known key.

        Raises Refused: HOST_KEY_MISMATCH, AUTH_FAILED, HOST_UNREACHABLE (NoAlgorithm is one); Retryable:
        HOST_UNREACHABLE (TurnedAway and NoBanner are).
        """
        transport.banner_timeout = self._settings.banner_timeout
        transport.handshake_timeout = self._settings.handshake_timeout
        transport.auth_timeout = self._settings.auth_timeout
        transport.channel_timeout = transport.clear_to_send_timeout = self._settings.channel_timeout
        with wire.within(seconds_left(end), transport.close) as expired:
            try:
                self._negotiate(transport, route)
                key = transport.get_remote_server_key().asbytes()
                route.known.check(route.host, key)
                agreed = f"agreed on {algorithms.agreed(transport)}"
                self._report(route, Step.HOST_KEY, f"it shows the known key {fingerprint(key)}; {agreed}")
                self._authenticate(transport, route, end)
            except LOST as fault:
                raise self._lost(route, fault, transport, expired=expired.is_set()) from fault
        transport.sock.settimeout(wire.IDLE_CHECK)

    def _negotiate(self, transport: algorithms.Transport, route: Route) -> None:
        try:
            transport.start_client()
        except paramiko.ssh_exception.IncompatiblePeer as fault:
            if said := algorithms.nothing_in_common(transport):
                raise NoAlgorithm(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}") from fault
            raise

    def _lost(
        self, route: Route, fault: BaseException, transport: algorithms.Transport, *, expired: bool
    ) -> AlertprofError:
        greeting = greeting_of(transport)
        if expired:
            said = f"the login was not done within {self._settings.login_timeout:g} s"
            return Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
        if "banner" in str(fault) and SENTENCE in greeting:
            return TurnedAway(Code.HOST_UNREACHABLE, f"host {route.shown}: {NOT_NOW}")
        if "banner" in str(fault):
            instead = f" but says «{greeting}»" if greeting else ""
            said = f"it took the connection{instead} but does not speak SSH (MaxStartups reached, or starved)"
            return NoBanner(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
        said = f"host {route.shown}: the login was broken off ({one_line(fault)}){farewell_of(transport)}"
        final = isinstance(fault, paramiko.ssh_exception.IncompatiblePeer)  # no algorithm in common
        return Refused(Code.HOST_UNREACHABLE, said) if final else Retryable(Code.HOST_UNREACHABLE, said)

    def _authenticate(self, transport: algorithms.Transport, route: Route, end: float) -> None:
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
                offer.notes.extend(_other_methods(transport.get_exception()))
                if not transport.is_active():
                    raise _hung_up(route, tried, transport)
        raise _not_accepted(route, tried, offer.notes)

    def _accepted(self, transport: paramiko.Transport, route: Route, identity: Identity, end: float) -> bool:
        answered = threading.Event()
        transport.auth_handler = AuthRequest(transport)
        if not transport.is_active():  # whoever ends it now tells the handler
            raise EOFError("the connection was closed")
        transport.auth_handler.auth_publickey(route.user, identity.key, answered)
        answered.wait(min(self._settings.auth_timeout, seconds_left(end)))
        if not answered.is_set():
            raise TimeoutError(f"no answer to {identity.label}")
        return transport.is_authenticated()


def greeting_of(transport: paramiko.Transport) -> str:
    """What the server sent in the place of its version, in one line of printable characters."""
    said = getattr(transport.packetizer, "greeting", b"").decode("utf-8", "replace")
    return one_line(ValueError(said)) if said.strip() and not said.startswith("SSH-") else ""


def farewell_of(transport: algorithms.Transport) -> str:
    """What the server said when it hung up, after a comma; "" if it said nothing."""
    return f", it says «{one_line(ValueError(transport.farewell))}»" if transport.farewell.strip() else ""


def seconds_left(end: float) -> float:
    """Seconds until `end` (time.monotonic), never 0 or less."""
    return max(end - time.monotonic(), 0.001)


def _other_methods(fault: BaseException | None) -> list[str]:
    """What the host accepts in the place of keys, or requires in addition to an accepted key."""
    if isinstance(fault, paramiko.ssh_exception.PartialAuthentication):
        return [f"the key is right, but the host {BESIDES} {' or '.join(fault.allowed_types)} besides"]
    if isinstance(fault, paramiko.BadAuthenticationType):
        return [f"the host takes no keys, only {' or '.join(fault.allowed_types)}"]
    return []


def _hung_up(route: Route, tried: list[str], transport: algorithms.Transport) -> AlertprofError:
    if len(tried) == 1 and TOO_MANY_KEYS not in transport.farewell:
        said = f"the connection was lost while {tried[0]} was being offered{farewell_of(transport)}"
        return Retryable(Code.HOST_UNREACHABLE, f"host {route.shown}: {said}")
    number = "1 key" if len(tried) == 1 else f"{len(tried)} keys"
    said = f"host {route.shown} hung up after {number} (MaxAuthTries): name the right one as identity_file"
    return Refused(Code.AUTH_FAILED, f"{said}; tried {', '.join(tried)}")


def _key_remedy(user: str) -> str:
    """sshd gives the same answer to an unknown key and to a user who may not log in at all."""
    lists = "DenyUsers, AllowUsers and the like" + (", or PermitRootLogin," if user == "root" else "")
    return (
        f"add the public key to {user}'s authorized_keys there, or name another identity_file; if it is there, sshd's "
        f"log tells whether {lists} keep the user out"
    )


def _not_accepted(route: Route, tried: list[str], notes: list[str]) -> Refused:
    said = f"none of these keys was accepted: {', '.join(tried)}" if tried else "there is no key to offer"
    remedy = KEYS_ONLY if any(BESIDES in note for note in notes) else _key_remedy(route.user)
    return Refused(
        Code.AUTH_FAILED, "; ".join([f"user {route.user} may not log in to host {route.shown}: {said}", *notes, remedy])
    )

"""The addresses at which a listening process can be reached from its host's sshd. Pure."""

import ipaddress
from typing import NamedTuple

from app.gate.facts import Ports

PORTS_AT_MOST = 8
ADDRESSES_AT_MOST = 2  # of one network namespace
USUAL = 6060  # go-zero's DevServer, and the port in every example of net/http/pprof


class Place(NamedTuple):
    """An address and port. tls: the server there speaks TLS; bare: it serves profiles, and no command line."""

    address: str
    port: int
    tls: bool = False
    bare: bool = False

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def places_of(ports: Ports, wanted: tuple[int, ...]) -> tuple[tuple[Place, ...], tuple[int, ...]]:
    """The places to connect to, the likeliest first, and the ports that cannot be reached.

    wanted: the only ports to consider; empty for all.
    """
    listening = [(address, port) for address, port in ports.listening if port in wanted or not wanted]
    places = list(dict.fromkeys(Place(to, port) for at, port in listening for to in addresses_to(at, ports)))
    beyond = dict.fromkeys(port for _, port in listening if port not in {place.port for place in places})
    places.sort(key=lambda place: (place.port != USUAL, not ipaddress.ip_address(place.address).is_loopback))
    asked = list(dict.fromkeys(place.port for place in places))[:PORTS_AT_MOST]
    return tuple(place for place in places if place.port in asked), tuple(beyond)


def addresses_to(at: str, ports: Ports) -> tuple[str, ...]:
    """The addresses that reach a socket bound to `at`; none for the loopback of another network namespace."""
    bound = ipaddress.ip_address(at)
    if isinstance(bound, ipaddress.IPv6Address) and bound.ipv4_mapped:
        bound = bound.ipv4_mapped
    own = [a for a in map(ipaddress.ip_address, ports.addresses) if not a.is_loopback and not a.is_link_local]
    if bound.is_unspecified and ports.elsewhere:
        return tuple(str(a) for a in own if a.version <= bound.version)[:ADDRESSES_AT_MOST]
    if bound.is_unspecified:  # ::1 first: if :: is IPv6 only, another process may listen at 127.0.0.1
        return ("127.0.0.1",) if bound.version == 4 else ("::1", "127.0.0.1")
    if bound.is_link_local or (ports.elsewhere and bound not in own):
        return ()
    return (str(bound),)

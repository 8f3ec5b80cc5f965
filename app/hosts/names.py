"""Which names are host names, and which hosts are allowed. Pure; route.py asks it before anything else.

A host's name comes from an alert's labels, so anybody who can send an alert chooses it.
"""

import re
import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from app.errors import Code, Refused

GRAMMAR = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9._:-]{0,252}")
LOOPBACK = re.compile(r"(.+\.)?localhost[46]?(\.localdomain[46]?)?|ip6-(localhost|loopback)")


def plain(host: str) -> str:
    """The name in the normal form: lower case, no brackets, addresses compressed. `[2001:DB8::1]` is `2001:db8::1`.

    Raises Refused(HOST_NOT_ALLOWED) for what is no host name.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if "%" in bare and (zoned := address(bare)):
        if zoned.is_link_local:
            raise _not_a_host(host, "it is an address of one link of the machine that wrote it. Name the host instead")
        bare = bare.partition("%")[0]
    if not GRAMMAR.fullmatch(bare):
        raise _not_a_host(host, "a name has letters, digits, '.', '-' and '_', at most 253 of them")
    found = address(bare)
    if found is None and (":" in bare or host.startswith("[")):
        raise _not_a_host(host, "with ':' or brackets it must be an IPv6 address, without a port")
    return str(found) if found else bare.lower()


def _not_a_host(host: str, right: str) -> Refused:
    shown = ascii(host if len(host) <= 80 else host[:80] + "…")
    return Refused(Code.HOST_NOT_ALLOWED, f"{shown} is no host name: {right}")


@lru_cache(maxsize=1024)
def relative(host: str) -> bool:
    """Whether a name means another machine on every machine that uses it: loopback in any spelling, the unspecified
    address (0.0.0.0), or a link-local address."""
    bare = host.strip("[]").rstrip(".").lower()
    found = address(bare) or _classic(bare)
    if found is None:
        return LOOPBACK.fullmatch(bare) is not None
    real = (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
    return real.is_loopback or real.is_unspecified or real.is_link_local


def _classic(host: str) -> IPv4Address | None:
    """An IPv4 address in a form that only the resolver accepts: 127.1, 2130706433, 0x7f000001."""
    try:
        return IPv4Address(socket.inet_aton(host)) if re.fullmatch(r"[0-9a-fx.]+", host) else None
    except OSError:
        return None


def address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a name is written as; None for a name that has to be looked up."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def fits(host: str, patterns: Iterable[str]) -> bool:
    """Whether a plain() host matches one of the patterns: names with *, addresses, networks ("10.0.0.0/8").

    A network matches only addresses: no name is looked up.
    """
    return any(_fits(host, pattern) for pattern in patterns)


def _fits(host: str, pattern: str) -> bool:
    network, found = _network(pattern), address(host)
    if network is None:
        return fnmatchcase(host, pattern.lower())
    return found is not None and found in network


@lru_cache(maxsize=1024)
def _network(pattern: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(pattern.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None

"""The algorithms that are offered to a host, and the sentence for a host that has none of them. For wire.py, login.py.

Each list begins with algorithms that ssh-audit has no objection to. The rest serves hosts that have nothing better
(DISA's lists for RHEL 7, FIPS, dropbear): weaker in theory, but not broken. SHA-1, MD5, CBC and 3DES, which paramiko
also has, are never offered.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import paramiko

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr", "aes192-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
KEXES = (
    *("mlkem768x25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512"),  # the last for FIPS
    *("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"),
    *("diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256"),
)
# ECDSA last: a host with a pinned key of another type has to show that one
HOST_KEYS = (
    *("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"),
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
)
AEAD = frozenset(CIPHERS[:2])  # authenticated ciphers: no MAC is used with them
PLAIN_NAME = re.compile(r"[A-Za-z0-9@._+-]{1,64}")
NO_ALGORITHMS = re.compile(r"(ext-info|kex-strict)-.*")  # signals that travel among the key exchanges
SHOWN = 8  # names of a host's list


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the handshake: its keyword in sshd_config, paramiko's names of both sides' lists, and a common
    choice."""

    what: str
    keyword: str
    ours: str
    theirs: tuple[str, ...]
    common: str

    def offered(self, lists: dict[str, list[str]]) -> list[str]:
        """The host's algorithms for both directions."""
        first, *others = (lists.get(name, []) for name in self.theirs)
        named = [name for name in first if all(name in other for other in others)]
        return [name for name in named if PLAIN_NAME.fullmatch(name) and not NO_ALGORITHMS.fullmatch(name)]


PARTS = (
    Part("key exchange", "KexAlgorithms", "preferred_kex", ("kex_algo_list",), "curve25519-sha256@libssh.org"),
    Part("host key", "HostKeyAlgorithms", "preferred_keys", ("server_key_algo_list",), "ssh-ed25519"),
    Part(
        "cipher",
        "Ciphers",
        "preferred_ciphers",
        ("client_encrypt_algo_list", "server_encrypt_algo_list"),
        "aes256-gcm@openssh.com",
    ),
    Part(
        "MAC",
        "MACs",
        "preferred_macs",
        ("client_mac_algo_list", "server_mac_algo_list"),
        "hmac-sha2-256-etm@openssh.com",
    ),
)


class Transport(paramiko.Transport):
    """Keeps what the host has offered and why it hung up, and needs no common MAC where the cipher needs none."""

    offered: dict[str, list[str]] | None = None
    farewell = ""  # the host's words, as they came
    remote_cipher: str
    remote_mac: str

    def _really_parse_kex_init(self, m: Any, ignore_first_byte: bool = False) -> dict[str, list[str]]:
        parsed: dict[str, list[str]] = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        self.offered = {name: list(value) for name, value in parsed.items() if isinstance(value, list)}
        for direction in ("client", "server"):
            theirs = parsed[f"{direction}_encrypt_algo_list"]
            if next((cipher for cipher in self.preferred_ciphers if cipher in theirs), "") in AEAD:
                parsed[f"{direction}_mac_algo_list"].append(MACS[0])  # paramiko wants one agreed on all the same
        return parsed

    def _parse_disconnect(self, m: Any) -> None:
        m.get_int()  # the reason's number: OpenSSH has the same one for all
        self.farewell = m.get_string().decode("utf-8", "replace")


def prefer(transport: paramiko.Transport, pinned_kinds: Iterable[str]) -> None:
    """Sets our lists on the transport. The types of pinned host keys come first."""
    options = transport.get_security_options()
    options.ciphers, options.digests = CIPHERS, MACS
    options.kex = [kex for kex in KEXES if kex in options.kex]
    wanted = [name for kind in pinned_kinds for name in _algorithms(kind) if name in options.key_types]
    options.key_types = list(dict.fromkeys([*wanted, *HOST_KEYS]))


def _algorithms(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def agreed(transport: Transport) -> str:
    """The negotiated algorithms, separated by commas."""
    mac = "" if transport.remote_cipher in AEAD else f", {transport.remote_mac}"
    kex = next(name for name in transport.preferred_kex if name in (transport.offered or {})["kex_algo_list"])
    return f"{kex}, {transport.host_key_type}, {transport.remote_cipher}{mac}"


def nothing_in_common(transport: Transport) -> str:
    """The parts for which the host offers nothing that alertprof has, with the remedy in sshd_config; "" if none."""
    return "; ".join(_differences(transport, transport.offered or {}))


def _differences(transport: Transport, offered: dict[str, list[str]]) -> Iterator[str]:
    for part in PARTS:
        theirs, ours = part.offered(offered), list(getattr(transport, part.ours))
        if not offered or set(theirs) & set(ours):
            continue
        if part.what == "MAC" and AEAD & set(PARTS[2].offered(offered)):
            continue
        yield (
            f"no {part.what} in common: it offers {_listed(theirs)}, alertprof has {_listed(ours)}; "
            f"set in its sshd_config: {part.keyword} {','.join([*theirs[:SHOWN], part.common])}"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "none"

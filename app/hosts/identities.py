"""The private keys that are offered to a host. Used by login.py.

A key file is parsed once, and again when it has changed. Keys with a passphrase have to be in the agent.
"""

import copy
import os
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from app.errors import Code, Refused
from app.hosts import agents, keyfile


@dataclass(frozen=True, slots=True)
class Identity:
    """A key to offer. `label`: which one, for sentences."""

    label: str
    key: paramiko.PKey


@dataclass(slots=True)
class Unusable(Exception):
    """A file that exists and cannot be used. `why` names the file and the remedy."""

    why: str
    locked: bool = False  # only a passphrase is missing: the agent may have the key


@dataclass(slots=True)
class Offer:
    """The keys for one login. `notes`: why a file could not be used; filled while the keys are read."""

    required: tuple[Path, ...]  # alertprof's configuration names them: a fault in one is final
    others: tuple[Path, ...]  # ssh_config's and the default ones: used where they are
    certificates: tuple[Path, ...] = ()  # CertificateFile: each serves the key that it was made for
    agent: str | None = None  # its socket; "" for none, None for the one that SSH_AUTH_SOCK names
    only_named: bool = False  # of the agent's keys, those of the files above
    notes: list[str] = field(default_factory=list)


class Identities:
    """The key files of all hosts, parsed once."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[object, tuple[Identity, ...]]] = {}
        self._lock = threading.Lock()

    def offered(self, offer: Offer) -> Generator[Identity, None, None]:
        """The keys in the order in which they are tried: files, then the agent, which is only asked then.

        Raises Refused(AUTH_FAILED) for a required file that cannot be used.
        """
        certificates = [each for file in offer.certificates if (each := certificate(file, offer.notes))]
        for file in dict.fromkeys((*offer.required, *offer.others)):
            for identity in self._of_file(file, offer):
                yield from certified(identity, certificates)
        for identity in _of_agent(offer):
            yield from certified(identity, certificates)

    def _of_file(self, file: Path, offer: Offer) -> tuple[Identity, ...]:
        file = file.expanduser()
        required = file in {one.expanduser() for one in offer.required}
        try:
            return self._parsed(file)
        except FileNotFoundError as fault:
            if required:
                raise Refused(Code.AUTH_FAILED, f"the identity file {file} does not exist") from fault
        except Unusable as fault:
            if required and not fault.locked:
                raise Refused(Code.AUTH_FAILED, fault.why) from fault
            offer.notes.append(fault.why)
        return ()

    def _parsed(self, file: Path) -> tuple[Identity, ...]:
        certificate = file.with_name(file.name + "-cert.pub")
        signature = (_signature(file), _signature(certificate) if certificate.exists() else None)
        with self._lock:
            if file not in self._read or self._read[file][0] != signature:
                self._read[file] = (signature, tuple(_parse(file)))
            return self._read[file][1]


def _signature(file: Path) -> tuple[int, ...]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_mode


def _parse(file: Path) -> Iterator[Identity]:
    if keyfile.is_public(file):
        said = f"the identity file {file} is a public key: load its private one into the agent (ssh-add)"
        raise Unusable(said, locked=True)
    stat = file.stat()
    if stat.st_uid == os.getuid() and stat.st_mode & 0o077:
        raise Unusable(
            f"the identity file {file} is open to others (mode {stat.st_mode & 0o777:04o}): chmod 600 {file}"
        )
    try:
        key = keyfile.load(file)
    except (TypeError, paramiko.PasswordRequiredException) as fault:
        locked = f"the identity file {file} is protected by a passphrase: load it into the agent (ssh-add {file})"
        raise Unusable(locked, locked=True) from fault
    except Exception as fault:  # the parsers of four formats raise many types
        why = f"the identity file {file} is no private key that can be used here ({fault or type(fault).__name__})"
        raise Unusable(why) from fault
    if key.public_blob:  # with the certificate beside it; the host may know only the bare key
        yield Identity(f"{file} with its certificate", key)
        key = copy.copy(key)
        key.public_blob = None
    yield Identity(str(file), key)


def certificate(file: Path, notes: list[str]) -> tuple[Path, paramiko.pkey.PublicBlob] | None:
    """The certificate in `file`. None, and a sentence more in `notes`, when it cannot be used."""
    try:
        return file, paramiko.pkey.PublicBlob.from_file(str(file.expanduser()))
    except (OSError, ValueError) as fault:
        notes.append(f"the certificate file {file} cannot be used ({fault})")
        return None


def certified(identity: Identity, certificates: Iterable[tuple[Path, paramiko.pkey.PublicBlob]]) -> Iterator[Identity]:
    """The key with each certificate that was made for it, then the bare key."""
    for file, blob in certificates:
        if keyfile.is_for(blob.key_blob, identity.key.asbytes()):
            yield Identity(f"{identity.label} with the certificate {file}", _with(identity.key, blob))
    yield identity


def _with(key: paramiko.PKey, blob: paramiko.pkey.PublicBlob) -> paramiko.PKey:
    if isinstance(key, paramiko.AgentKey):
        return agents.with_certificate(key, blob)
    made = copy.copy(key)
    made.public_blob = blob
    return made


def _of_agent(offer: Offer) -> Iterator[Identity]:
    """The agent's keys. sshd hangs up after a few, so those that belong to a named file come first."""
    files = [file.expanduser() for file in (*offer.required, *offer.others)]
    named = {blob for file in files if (blob := keyfile.public(file))}
    try:
        with agents.keys(offer.agent) as keys:
            for key in sorted(keys, key=lambda one: one.asbytes() not in named):
                if key.asbytes() in named or not offer.only_named:
                    yield Identity(f"the agent's key {key.comment or key.fingerprint}", key)
    except agents.Silent as fault:
        offer.notes.append(str(fault))

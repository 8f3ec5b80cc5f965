"""The first contact with a host, for `alertprof init`: the key that it shows, and a key of our own to log in with.

What a host shows is not proven: a person has to compare the fingerprint with what the host itself says.
"""

import base64
import socket
from contextlib import closing

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.hosts import wire
from app.hosts.known_hosts import entry, fingerprint

TIMEOUT = 15.0  # seconds


def shown_key(host: str, port: int) -> tuple[str, str]:
    """The line of known_hosts for the key that the host shows, and its fingerprint. Raises OSError with a sentence."""
    try:
        sock = socket.create_connection((host, port), TIMEOUT)
        with closing(wire.transport(sock, ())) as transport:
            transport.start_client(timeout=TIMEOUT)
            key = transport.get_remote_server_key()
    except (OSError, EOFError, paramiko.SSHException) as fault:
        raise OSError(f"{entry(host, port)} shows no host key: {fault or 'it closed the connection'}") from fault
    encoded = base64.b64encode(key.asbytes()).decode()
    return f"{entry(host, port)} {key.get_name()} {encoded}", fingerprint(key.asbytes())


def key_pair(comment: str) -> tuple[bytes, str]:
    """A new Ed25519 key: the private file's content in OpenSSH's format, and the public line."""
    private = Ed25519PrivateKey.generate()
    content = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return content, f"{public.decode()} {comment}"

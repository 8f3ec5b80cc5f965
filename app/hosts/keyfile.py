"""Reads private keys, public keys and certificates in OpenSSH's files. Used by identities.py."""

import base64
import io
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization
from paramiko.message import Message

MAGIC = b"openssh-key-v1\0"


def load(file: Path) -> paramiko.PKey:
    """A private key of any format, with the certificate beside it (FILE-cert.pub).

    Raises TypeError or PasswordRequiredException where a passphrase is missing, and whatever the parsers raise.
    """
    if b"-----BEGIN PRIVATE KEY-----" not in file.read_bytes():
        if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in file.read_bytes():
            raise paramiko.PasswordRequiredException
        return paramiko.PKey.from_path(file)
    key = _of_pkcs8(file.read_bytes())
    beside = file.with_name(file.name + "-cert.pub")
    if beside.exists():
        key.load_certificate(str(beside))
    return key


def _of_pkcs8(data: bytes) -> paramiko.PKey:
    """paramiko recognises PKCS #8, but reads only the older formats and OpenSSH's own."""
    loaded = serialization.load_pem_private_key(data, password=None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    text = loaded.private_bytes(*form).decode()
    kinds: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    for kind in kinds:
        try:
            return kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
    raise ValueError(f"a key of the type {type(loaded).__name__}")


def public(file: Path) -> bytes | None:
    """The public key of a file, from itself or FILE.pub, without a passphrase; None if neither shows it."""
    for read in (_public_line(file), _public_line(file.with_name(file.name + ".pub")), _public_part(file)):
        if read:
            return read
    return None


def is_public(file: Path) -> bool:
    """Whether the file holds a public key in the place of a private one."""
    return _public_line(file) is not None


def _public_line(file: Path) -> bytes | None:
    try:
        return bytes(paramiko.pkey.PublicBlob.from_file(str(file)).key_blob)
    except (OSError, ValueError):
        return None


def _public_part(file: Path) -> bytes | None:
    """OpenSSH's own format has the public key in clear before the encrypted part."""
    try:
        lines = file.read_text(errors="replace").splitlines()
        body = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
    except (OSError, ValueError):
        return None
    if not body.startswith(MAGIC):
        return None
    message = Message(body[len(MAGIC) :])
    for _ in range(3):  # cipher, derivation, its options
        message.get_binary()
    message.get_int()
    return bytes(message.get_binary())


def is_for(certificate: bytes, key: bytes) -> bool:
    """Whether a certificate is for a public key: after its type and a nonce it repeats the key's fields."""
    signed, bare = Message(certificate), Message(key)
    signed_type, bare_type = signed.get_binary(), bare.get_binary()
    signed.get_binary()  # the nonce
    fields = bytes(bare.get_remainder())
    return bytes(signed_type).startswith(bytes(bare_type)) and bytes(signed.get_remainder()).startswith(fields)

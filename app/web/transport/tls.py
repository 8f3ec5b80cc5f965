"""TLS of the web server: the certificate is read again when its file has changed. Made by config/web.py, used by run().

As in Go's and so Prometheus' servers: TLS 1.2 and later, forward secrecy only. No session is resumed, so that a client
certificate is looked at in every handshake.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2; those of 1.3 are all good

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tls:
    """`clients`: whether a client has to show a certificate of `client_ca_file`. `sans`: names of which such a
    certificate has to have one; empty means that any will do."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    clients: ssl.VerifyMode = ssl.CERT_NONE
    sans: frozenset[str] = frozenset()
    least: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3

    @property
    def required(self) -> bool:
        """Nobody without a certificate comes in."""
        return self.clients is ssl.CERT_REQUIRED

    def context(self) -> ssl.SSLContext:
        """Of the files as they are now. Raises OSError (ssl.SSLError is one)."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version, made.maximum_version = self.least, self.most
        made.set_ciphers(CIPHERS)
        made.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        made.num_tickets = 0
        made.set_alpn_protocols(["http/1.1"])
        made.load_cert_chain(self.cert_file, self.key_file, password=no_passphrase)
        if self.client_ca_file:
            made.load_verify_locations(self.client_ca_file)
        made.verify_mode = self.clients
        return made

    def signature(self) -> tuple[tuple[int, ...], ...]:
        """Changes when a file does. Raises OSError."""
        files = [file for file in (self.cert_file, self.key_file, self.client_ca_file) if file]
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in map(Path.stat, files))


def no_passphrase() -> str:
    """OpenSSL would ask the terminal."""
    raise ssl.SSLError("the key is protected by a passphrase; a service needs one without")


def renewing(tls: Tls) -> ssl.SSLContext:
    """A context whose every handshake uses the files as they are then; where they are no good, as they were before."""
    latest, seen = tls.context(), tls.signature()

    def choose(connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
        nonlocal latest, seen
        try:
            if (now := tls.signature()) != seen:
                seen = now
                latest = tls.context()
                log.info("certificate read again", file=str(tls.cert_file))
        except OSError as error:
            log.error("the certificate stays as it was", file=str(tls.cert_file), error=str(error))
        connection.context = latest

    first = latest
    first.sni_callback = choose  # called in every handshake, also without a name
    return first

"""TLS of the web server. The certificate is read again when its file changes. Made by config/web.py, used by main.py.

As in Go's servers, and so in Prometheus: TLS 1.2 and later, forward secrecy only. Sessions are not resumed, so that
a client certificate is checked in every handshake.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2; those of 1.3 are all good

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tls:
    """The settings. clients: whether a client has to show a certificate of client_ca_file; sans: names of which the
    certificate has to have one, empty allows any; least, most: versions of TLS."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    clients: ssl.VerifyMode = ssl.CERT_NONE
    sans: frozenset[str] = frozenset()
    least: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3

    @property
    def required(self) -> bool:
        """Whether every client needs a certificate."""
        return self.clients is ssl.CERT_REQUIRED

    def context(self) -> ssl.SSLContext:
        """A context with the files as they are now. Raises OSError (ssl.SSLError is one)."""
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
        """A value that changes when a file does. Raises OSError."""
        files = [file for file in (self.cert_file, self.key_file, self.client_ca_file) if file]
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in map(Path.stat, files))


def no_passphrase() -> str:
    """The passphrase callback: raises ssl.SSLError, where OpenSSL would ask the terminal."""
    raise ssl.SSLError("the key is protected by a passphrase; a service needs one without")


def renewing(tls: Tls) -> ssl.SSLContext:
    """A context that reads the files again when they have changed. Faulty files leave it as it was. Raises OSError."""
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

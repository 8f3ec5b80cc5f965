"""--web.config.file: TLS, client certificates, users and headers, in the format of Prometheus' servers.

The format: prometheus/exporter-toolkit, docs/web-configuration.md. It is checked as strictly as settings.py does, with
the same reports of faults. Users are read again when the file changes, certificates when theirs do; everything else
is read once.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import structlog
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from app.config.file import Block
from app.config.scalars import Count, Duration, File
from app.config.settings import BadConfig, checked, content
from app.config.web_headers import valid_headers
from app.config.yaml_marks import read
from app.intake.re2 import Pattern
from app.web.auth.tokens_file import TokensUnreadable
from app.web.auth.users import Users
from app.web.transport.rate import Rate
from app.web.transport.tls import Tls

BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

log = structlog.get_logger(__name__)


def not_here(remedy: str) -> BeforeValidator:
    """A validator for a key that this service does not support; the error says the remedy."""

    def refuse(value: Any) -> Any:
        raise ValueError(remedy)

    return BeforeValidator(refuse)


def readable(file: Path) -> Path:
    """The file itself. Raises ValueError when it cannot be read."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    return file


def valid_client_policy(text: Any) -> Any:
    """A name of CLIENTS. Raises ValueError, also for Go's policies that verify nothing."""
    if text in UNVERIFIED:
        raise ValueError(f"{text} would take a certificate that nobody has verified; write RequireAndVerifyClientCert")
    if not isinstance(text, str) or text not in CLIENTS:
        raise ValueError(f"there are {', '.join(CLIENTS)}")
    return text


def parse_version(text: Any) -> Any:
    """The TLS version. Raises ValueError."""
    if text in ("TLS10", "TLS11"):
        raise ValueError(f"{text} is broken; write TLS12 or TLS13")
    if not isinstance(text, str) or text not in VERSIONS:
        raise ValueError("write TLS12 or TLS13")
    return VERSIONS[text]


def valid_hash(value: Any) -> str:
    """A bcrypt hash. Raises ValueError."""
    if not isinstance(value, str) or not BCRYPT.fullmatch(value):
        raise ValueError("is no bcrypt hash; make one with: htpasswd -nBC 10 '' | tr -d ':\\n'")
    return value


def valid_users(users: Any) -> Any:
    """The map of users. Raises ValueError for a name that HTTP Basic cannot carry."""
    for name in users if isinstance(users, dict) else ():
        if not name or ":" in name:
            raise ValueError(f"{name!r} is no user's name: HTTP Basic ends it at a colon")
    return users


Readable = Annotated[File, AfterValidator(readable)]
Hash = Annotated[str, PlainValidator(valid_hash)]
Version = Annotated[Any, PlainValidator(parse_version)]
INLINE = not_here("certificates and keys are read from files here, which can be renewed; write cert_file, key_file")
Inline = Annotated[None, INLINE]


class TlsServer(Block):
    cert_file: Readable
    key_file: Readable
    client_auth_type: Annotated[str, PlainValidator(valid_client_policy)] = "NoClientCert"
    client_ca_file: Readable | None = None
    client_allowed_sans: list[str] = Field(default_factory=list)
    min_version: Version = VERSIONS["TLS12"]
    max_version: Version = VERSIONS["TLS13"]
    prefer_server_cipher_suites: bool = True  # without effect in Go, and here: every suite is good
    cert: Inline = None
    key: Inline = None
    client_ca: Inline = None
    cipher_suites: Annotated[None, not_here("only suites with forward secrecy are used; take this out")] = None
    curve_preferences: Annotated[None, not_here("OpenSSL's order of curves is used; take this out")] = None

    @model_validator(mode="after")
    def is_consistent(self) -> Self:
        """Raises ValueError for keys that contradict each other, and for files that are no pair."""
        if self.client_ca_file and self.client_auth_type == "NoClientCert":
            raise ValueError("client_ca_file has no use without client_auth_type: RequireAndVerifyClientCert")
        if not self.client_ca_file and self.client_auth_type != "NoClientCert":
            raise ValueError(f"client_auth_type: {self.client_auth_type} needs client_ca_file")
        if self.client_allowed_sans and not self.client_ca_file:
            raise ValueError("client_allowed_sans needs client_auth_type and client_ca_file")
        if self.min_version > self.max_version:
            raise ValueError("min_version is above max_version")
        self.load_files()
        return self

    def load_files(self) -> None:
        """Raises ValueError unless the certificate and the key can be loaded."""
        try:
            self.tls().context()
        except OSError as error:
            raise ValueError(f"certificate and key are no pair that can be used: {error}") from None

    def tls(self) -> Tls:
        """The settings for the server."""
        return Tls(
            self.cert_file,
            self.key_file,
            self.client_ca_file,
            CLIENTS[self.client_auth_type],
            frozenset(self.client_allowed_sans),
            self.min_version,
            self.max_version,
        )


class HttpServer(Block):
    http2: bool = True  # has no effect: clients fall back to HTTP/1.1
    headers: Annotated[dict[str, str], AfterValidator(valid_headers)] = Field(default_factory=dict)


class RateLimit(Block):
    interval: Duration = timedelta()
    burst: Count = 1

    @model_validator(mode="after")
    def is_one(self) -> Self:
        """Raises ValueError for a burst without an interval."""
        if self.burst > 1 and not self.interval:
            raise ValueError(
                "requests are bounded in size, time and number already; to bound their rate give interval too, as 100ms"
            )
        return self


class Whole(Block):
    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: Annotated[dict[str, Hash], BeforeValidator(valid_users)] = Field(default_factory=dict)
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the file asks for. headers: names and values, for every answer. cors_origin: of --web.cors.origin, for
    fullmatch; route_prefix: of --web.route-prefix, None if it is not given."""

    tls: Tls | None = None
    users: Users | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cors_origin: Pattern | None = None
    rate_limit: Rate | None = None
    route_prefix: str | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def certified(self) -> bool:
        return self.tls is not None and self.tls.required


PLAIN = WebConfig()


class UsersOfFile:
    """basic_auth_users, read again when the file has changed. While the file is faulty, nobody is a user."""

    def __init__(self, file: Path) -> None:
        self._file, self._seen = file, signature(file)
        self._users: Mapping[str, str] | None = whole(file).basic_auth_users

    def __call__(self) -> Mapping[str, str]:
        """The hashes by user name. Raises TokensUnreadable while the file is faulty."""
        if (now := signature(self._file)) != self._seen:
            self._seen, self._users = now, self._read()
        if self._users is None:
            raise TokensUnreadable("the web configuration is no good any more; alertprof's log says why")
        return self._users

    def _read(self) -> Mapping[str, str] | None:
        try:
            return whole(self._file).basic_auth_users
        except BadConfig as error:
            log.error("the web configuration is no good", file=str(self._file), error=str(error))
            return None


def signature(file: Path) -> tuple[int, ...]:
    """Changes when the file does."""
    try:
        stat = file.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def whole(file: Path) -> Whole:
    """The validated file. Raises BadConfig."""
    return checked(read(content(file)), file, Whole)


def load(file: Path | None) -> WebConfig:
    """What the file asks for; plain HTTP without users for None. Raises BadConfig."""
    if file is None:
        return WebConfig()
    said = whole(file)
    limit = said.rate_limit
    return WebConfig(
        tls=said.tls_server_config.tls() if said.tls_server_config else None,
        users=Users(UsersOfFile(file)) if said.basic_auth_users else None,
        headers=tuple(said.http_server_config.headers.items()),
        rate_limit=Rate(limit.interval.total_seconds(), limit.burst) if limit and limit.interval else None,
    )

"""Authorization: bearer tokens in files, and the users of the web configuration.

Made from the configuration; guard.py asks at every request. The files are read when they are used. They hold one token
per line, so that a new one can be added before the old one is removed. A browser and `go tool pprof http://any:TOKEN@…`
cannot send a bearer token, so the password of HTTP Basic also counts as one.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from app.web.auth.links import SignedLinks
from app.web.auth.tokens_file import TokensUnreadable, read_tokens
from app.web.auth.users import Users

WEBHOOK = frozenset({"/webhook", "/webhook/"})
METRICS = "/metrics"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token files of `auth`, and the users.

    Without a webhook_file, the operator's tokens also open the webhook; webhook tokens open nothing else. viewer_file:
    those may look at everything; metrics_file: those may read /metrics. users: of the web configuration; they open
    everything. certified: TLS admits only clients with a certificate. links: what opens
    one artifact without any of these.
    """

    webhook_file: Path | None = None
    operator_file: Path | None = None
    viewer_file: Path | None = None
    metrics_file: Path | None = None
    users: Users | None = None
    certified: bool = False
    links: SignedLinks = field(default_factory=SignedLinks)

    @property
    def guards_operators(self) -> bool:
        """Whether the operator's routes require credentials or a certificate."""
        return bool(self.operator_file or self.users or self.certified)

    @property
    def asks_for_credentials(self) -> bool:
        """Whether a program that reads an artifact has to send a token or a password."""
        return bool(self.operator_file or self.users)

    async def allows(self, method: str, path: str, authorization: str | None) -> bool:
        """Whether such a request with this Authorization header is allowed. Raises TokensUnreadable, TooManyLogins."""
        if self.allows_token(method, path, authorization):
            return True
        name, password = basic(authorization or "")
        return self.users is not None and bool(name) and await self.users.verify(name, password)

    def allows_token(self, method: str, path: str, authorization: str | None) -> bool:
        """Whether a token allows it, or nothing is required. Raises TokensUnreadable."""
        files = self.files_for(method, path)
        if not files:
            return self.users is None
        return is_listed(credential(authorization or ""), *files.values())

    def file_with(self, method: str, path: str, authorization: str) -> str:
        """The key in `auth` of the file whose token allows such a request; "" if none does. Raises TokensUnreadable."""
        given = credential(authorization)
        files = self.files_for(method, path).items()
        return next((f"auth.{key}" for key, file in files if given and is_listed(given, file)), "")

    def may_look(self, authorization: str | None) -> bool:
        """Whether the token is a viewer's, which opens requests that only read. Raises TokensUnreadable."""
        return self.viewer_file is not None and is_listed(credential(authorization or ""), self.viewer_file)

    def files_for(self, method: str, path: str) -> Mapping[str, Path]:
        """The files whose tokens allow such a request, by their keys in `auth`; none: no token is required."""
        if path in WEBHOOK and self.webhook_file:
            return {"webhook_token_file": self.webhook_file}
        files = {"operator_token_file": self.operator_file}
        if path not in WEBHOOK and method in SAFE:
            files["viewer_token_file"] = self.viewer_file
        if path == METRICS and method in SAFE:
            files["metrics_token_file"] = self.metrics_file
        return {key: file for key, file in files.items() if file}

    def refusal(self, listen_host: str) -> str | None:
        """Why the service must not listen on this address, or None. Without credentials: loopback only."""
        if (self.viewer_file or self.metrics_file) and not self.asks_for_credentials:
            return (  # client certificates alone let everybody who has one do everything
                "auth.viewer_token_file and auth.metrics_token_file open a part of what tokens guard: guard the whole "
                "by auth.operator_token_file, or by basic_auth_users in --web.config.file"
            )
        if self.guards_operators or is_loopback(listen_host):
            return None
        return (
            f"--web.listen-address {listen_host}: whoever reaches this address could have processes signalled; set "
            "auth.operator_token_file (and auth.webhook_token_file) in the configuration, or basic_auth_users or "
            "required client certificates in --web.config.file, or listen on 127.0.0.1"
        )


def is_listed(given: str, *files: Path) -> bool:
    """Whether one of the files has this token. Compares with every token, in constant time. Raises TokensUnreadable if
    none has it and one cannot be read."""
    there, unreadable = 0, list[TokensUnreadable]()
    for file in files:
        try:
            there += sum(hmac.compare_digest(given.encode(), token) for token in read_tokens(file))
        except TokensUnreadable as fault:
            unreadable.append(fault)
    if unreadable and not there:
        raise unreadable[0]
    return there > 0


def credential(header: str) -> str:
    """The token of `Bearer TOKEN`, or the password of `Basic …`; empty for anything else."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        return basic(header)[1]
    return ""


def user(header: str) -> str:
    """The user name of HTTP Basic; empty for anything else."""
    return basic(header)[0]


def basic(header: str) -> tuple[str, str]:
    """Name and password of HTTP Basic; both empty for anything else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # also UnicodeDecodeError and binascii.Error
        return "", ""
    return name, password


def is_loopback(host: str) -> bool:
    """Whether this is localhost or a loopback address, in brackets or not."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"

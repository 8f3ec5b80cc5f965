"""Who may: bearer tokens in files, one a line, so that a new one can be added before the old one goes; and the users
of the web configuration.

Built from the configuration and asked by guard.py at every request; the files are read when used. A browser and
`go tool pprof http://any:TOKEN@…` cannot send a bearer token, so the password of HTTP Basic is taken as one too.
"""

import base64
import hmac
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from app.web.auth.users import Users

WEBHOOK = frozenset({"/webhook", "/webhook/"})


class TokensUnreadable(Exception):
    """The file that should hold the tokens cannot be read or holds none; the sentence names it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two files of `auth`. With one only: the operator's tokens open the webhook too, never the other way.

    `users` of the web configuration open everything, beside the tokens. `certified`: TLS already lets nobody in who
    has no client certificate.
    """

    webhook_file: Path | None = None
    operator_file: Path | None = None
    users: Users | None = None
    certified: bool = False

    @property
    def guards_operators(self) -> bool:
        """Something keeps strangers from the operator's routes."""
        return bool(self.operator_file or self.users or self.certified)

    async def let_in(self, path: str, authorization: str | None) -> bool:
        """Whether this Authorization header opens this path. Raises TokensUnreadable, users.TooManyLogins."""
        if self.may(path, authorization):
            return True
        name, password = basic(authorization or "")
        return self.users is not None and bool(name) and await self.users.know(name, password)

    def may(self, path: str, authorization: str | None) -> bool:
        """Whether it does so by a token, or because nothing is asked for. Raises TokensUnreadable."""
        file = self.file_for(path)
        if file is None:
            return self.users is None
        given = credential(authorization or "").encode()
        return sum(hmac.compare_digest(given, token) for token in read_tokens(file)) > 0  # no early way out

    def file_for(self, path: str) -> Path | None:
        if path in WEBHOOK:
            return self.webhook_file or self.operator_file
        return self.operator_file

    def refusal(self, listen_host: str) -> str | None:
        """Why the service must not listen on this address, or None. Without keys for operators: loopback only."""
        if self.guards_operators or is_loopback(listen_host):
            return None
        return (
            f"--web.listen-address {listen_host}: whoever reaches this address could have processes signalled; set "
            "auth.operator_token_file (and auth.webhook_token_file) in the configuration, or basic_auth_users or "
            "required client certificates in --web.config.file, or listen on 127.0.0.1"
        )


def read_tokens(file: Path) -> list[bytes]:
    try:
        tokens = [line.strip() for line in file.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise TokensUnreadable(f"the token file {file} cannot be read: {error.strerror}") from error
    if not tokens:
        raise TokensUnreadable(f"the token file {file} is empty; write one token a line")
    return tokens


def credential(header: str) -> str:
    """The token of `Bearer TOKEN`, or the password of `Basic …`; empty when there is neither."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        return basic(header)[1]
    return ""


def user(header: str) -> str:
    """The name that came with HTTP Basic; empty when there is none."""
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
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"

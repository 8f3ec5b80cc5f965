"""The notifiers that speak HTTP: their options, and one request with bounds.

The address is the operator's, never a label's. A redirect is not followed: it would take credentials elsewhere. What is
said about a failure holds neither the address' path nor a secret, also where the answer repeats one.
"""

import re
import ssl
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx2

from app.hosts.web_api import cut_off_after
from app.notifiers.base import Notifier, Undelivered, secret

WHOLE = 60.0  # seconds for a request and its answer, headers too
SLOWEST = 1 << 20  # bytes a second at which a file is sent, and for which more time is given
LARGEST = 1 << 20  # bytes of an answer
SHOWN = 200  # characters of an answer that are shown
LONGEST_WAIT = 600.0  # seconds of Retry-After that are respected
MAY_PASS = frozenset({401, 403, 404, 408, 409, 423, 425, 429})  # a person may set right a token or an address
# A part of a path that nobody would choose: Slack's, Feishu's and the like.
_SECRET = re.compile(r"(?=[^/]*[0-9])([A-Za-z0-9_]{20,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
FILE: Any = {"path": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Notifier):
    """url: the address; url_file: a file with it, for an address that is itself a secret
    token_file: a file with a bearer token; username, password_file: for basic authentication
    ca_file: the authorities that are trusted, instead of the system's; cert_file, key_file: our own certificate
    timeout: for a connection, and between two pieces of an answer
    """

    url: str = ""
    url_file: str = field(default="", metadata=FILE)
    token_file: str = field(default="", metadata=FILE)
    username: str = ""
    password_file: str = field(default="", metadata=FILE)
    ca_file: str = field(default="", metadata=FILE)
    cert_file: str = field(default="", metadata=FILE)
    key_file: str = field(default="", metadata=FILE)
    timeout: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.url_file):
            raise ValueError("write one of url and url_file, and not both")
        if self.url:
            without_secrets(checked(self.url))
        if bool(self.username) != bool(self.password_file):
            raise ValueError("username and password_file belong together")
        if self.key_file and not self.cert_file:
            raise ValueError("key_file belongs to a cert_file")
        if self.token_file and self.username:
            raise ValueError("a request has one authorization: token_file, or username with password_file")

    def address(self) -> str:
        """The address. Raises Undelivered."""
        if not self.url_file:
            return self.url
        try:
            return checked(secret(self.url_file))
        except ValueError as fault:
            raise Undelivered(f"{self.url_file}: what it holds is no address of http or https") from fault

    def send(
        self,
        method: str,
        url: str,
        content: bytes | Iterable[bytes],
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a 2xx answer. Raises Undelivered. url: begins with `address`."""
        login, hidden = self._authorization()
        asked = {"User-Agent": "alertprof", "Accept-Encoding": "identity", **headers, **login}
        whole = WHOLE + int(headers.get("Content-Length", 0)) / SLOWEST
        try:
            with (
                cut_off_after(whole) as trace,
                httpx2.Client(verify=self._tls(), timeout=self.timeout.total_seconds()) as client,
                client.stream(
                    method, url, content=content, headers=asked, params=params, extensions={"trace": trace}
                ) as answer,
            ):
                return judged(answer, bounded(answer), [*hidden, *parts(url)])
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as fault:  # ValueError: too late, or no such host
            said = without(str(fault), [*hidden, url, *parts(url)])
            how = "did not take it" if isinstance(fault, ValueError) else "cannot be reached"
            raise Undelivered(f"{origin(url)} {how}: {said or type(fault).__name__}") from fault

    def _authorization(self) -> tuple[dict[str, str], list[str]]:
        """The header, and what of it is not to be shown, since an answer may repeat it. Raises Undelivered."""
        if self.token_file:
            token = secret(self.token_file)
            if not token.isascii():
                raise Undelivered(f"{self.token_file} holds no bearer token in its first line: a token is ASCII")
            return {"Authorization": f"Bearer {token}"}, [token]
        if not self.username:
            return {}, []
        password = secret(self.password_file)
        login = b64encode(f"{self.username}:{password}".encode()).decode()
        return {"Authorization": f"Basic {login}"}, [password, login]

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file or None)
        except OSError as fault:
            raise Undelivered(f"ca_file, cert_file or key_file cannot be used: {fault.strerror or fault}") from fault
        return context


def checked(url: str) -> str:
    """The address without a slash at its end. Raises ValueError for one that is none, or that holds a password."""
    taken = urlsplit(url)
    known = taken.scheme in ("http", "https") and taken.hostname and taken.port != 0
    if not known or not url.isprintable() or " " in url:
        raise ValueError("url: write an address, as https://hooks.example.com/alertprof")
    if taken.username or taken.password:
        raise ValueError("url: write the login as username and password_file, not into the address")
    return url.rstrip("/")


def without_secrets(url: str) -> None:
    """Raises ValueError for an address that seems to hold a secret: the configuration is shown to everybody."""
    taken = urlsplit(url)
    if taken.query or any(map(_SECRET.fullmatch, taken.path.split("/"))):
        raise ValueError("url: this address seems to hold a secret; keep it in a file, and name that as url_file")


def below(url: str, path: str) -> str:
    """The address of something below this one. path: begins with a slash."""
    taken = urlsplit(url)
    return urlunsplit(taken._replace(path=taken.path.rstrip("/") + path))


def bounded(answer: httpx2.Response) -> bytes:
    """The body, at most LARGEST bytes of it."""
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > LARGEST:
            break
    return bytes(body[:LARGEST])


def judged(answer: httpx2.Response, body: bytes, hidden: Iterable[str]) -> bytes:
    """The body of a 2xx answer. Raises Undelivered with the beginning of any other. hidden: what is not to be shown."""
    status = answer.status_code
    if 200 <= status < 300:
        return body
    if 300 <= status < 400:
        raise Undelivered(f"it answers {status}, a redirect, which is not followed: set url to where it leads")
    said = without(body[:4096].decode("utf-8", "replace"), hidden)
    may_pass = status >= 500 or status in MAY_PASS
    raise Undelivered(f"it answers {status}: {said}".rstrip(": "), final=not may_pass, wait=retry_after(answer))


def retry_after(answer: httpx2.Response) -> float | None:
    """The seconds of the header Retry-After; None without one."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), LONGEST_WAIT) if said.isascii() and said.isdigit() and len(said) < 10 else None


def without(text: str, hidden: Iterable[str]) -> str:
    """The text on one line, cut, with … for what is hidden in it."""
    for word in sorted(set(hidden), key=len, reverse=True):
        text = text.replace(word, "…") if len(word) > 3 else text
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def parts(url: str) -> list[str]:
    """The parts of an address that may be secret: long words of its path and its query."""
    taken = urlsplit(url)
    words = [*taken.path.split("/"), *(value.partition("=")[2] for value in taken.query.split("&"))]
    return [form for word in words if len(word) >= 8 for form in (word, unquote(word))]


def origin(url: str) -> str:
    """`https://host:port` of an address."""
    taken = urlsplit(url)
    return f"{taken.scheme}://{taken.netloc.rpartition('@')[2]}"

"""The notifiers that speak HTTP: their options, and one request with bounds.

The address is the operator's, never a label's. A redirect is not followed: it would take credentials elsewhere. What is
said about a failure holds neither the address' path nor a secret, also where the answer repeats one.
"""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app.notifiers.base import Notifier, Undelivered, only_one, secret

WHOLE = 60.0  # seconds for an answer, once the request was sent
LARGEST = 1 << 20  # bytes of an answer
SHOWN = 200  # characters of an answer that are shown
LONGEST_WAIT = 600.0  # seconds of Retry-After that are respected
MAY_PASS = frozenset({401, 403, 404, 408, 409, 423, 425, 429})  # a person may set right a token or an address
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
        only_one("it", url=self.url, url_file=self.url_file)
        if self.url:
            checked(self.url)
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
        hidden = [secret(file) for file in (self.token_file, self.password_file) if file]
        bearer = {"Authorization": f"Bearer {hidden[0]}"} if self.token_file else {}
        login = (self.username, hidden[-1]) if self.username else None
        asked = {"User-Agent": "alertprof", "Accept-Encoding": "identity", **headers, **bearer}
        try:
            with (
                httpx2.Client(verify=self._tls(), timeout=self.timeout.total_seconds(), auth=login) as client,
                client.stream(method, url, content=content, headers=asked, params=params) as answer,
            ):
                return judged(answer, bounded(answer), [*hidden, *parts(url)])
        except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
            said = without(str(fault), [*hidden, url, *parts(url)])
            raise Undelivered(f"{origin(url)} cannot be reached: {said or type(fault).__name__}") from fault

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
    if taken.scheme not in ("http", "https") or not taken.hostname or not url.isprintable() or " " in url:
        raise ValueError("url: write an address, as https://hooks.example.com/alertprof")
    if taken.username or taken.password:
        raise ValueError("url: write the login as username and password_file, not into the address")
    return url.rstrip("/")


def bounded(answer: httpx2.Response) -> bytes:
    """The body, at most LARGEST bytes of it. Raises Undelivered for one that does not end in time."""
    end, body = monotonic() + WHOLE, bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > LARGEST:
            break
        if monotonic() > end:
            raise Undelivered(f"its answer was not whole after {WHOLE:g} s")
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
    return [word for word in words if len(word) >= 8]


def origin(url: str) -> str:
    """`https://host:port` of an address."""
    taken = urlsplit(url)
    return f"{taken.scheme}://{taken.netloc.rpartition('@')[2]}"

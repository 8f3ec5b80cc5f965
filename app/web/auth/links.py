"""Signed links: each opens one artifact for a while, without credentials. For programs that can send none, such as
`go tool pprof` and viewers in a browser. The API and the pages sign them, guard.py checks them.

A link is the artifact's path behind `/links/EXPIRES.SIGNATURE`. EXPIRES is in Unix seconds, SIGNATURE an HMAC-SHA256
over path and EXPIRES in base64url. Nothing is in the query: Perfetto opens no address with one
(https://perfetto.dev/docs/visualization/deep-linking-to-perfetto-ui), and such an address needs quotes in a shell.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from secrets import token_hex

from app.web.auth.tokens_file import TokensUnreadable, read_tokens

PREFIX = "/links/"
LIFETIME, LONGEST = timedelta(hours=1), timedelta(days=1)
SHORTEST_KEY = 32  # characters
LINK = re.compile(r"/links/([0-9]{1,12})\.([A-Za-z0-9_-]{43})(/captures/[^/]+/artifacts/[^/]+)", re.ASCII)


@cache
def own_key() -> bytes:
    """The key that only this process has. It stays the same when the configuration is read anew."""
    return token_hex(32).encode()


class LinkRefused(Exception):
    """The link opens nothing. The text is a sentence that says why, without the signature."""


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Signs links and opens them.

    key_file: one key a line. The first one signs; a link of any of them opens. None: the process's own key.
    """

    key_file: Path | None = None

    def signed(self, path: str, expires: datetime) -> str:
        """The path of a link that opens the artifact at `path` until `expires`. Raises TokensUnreadable."""
        seconds = str(int(expires.timestamp()))
        return f"{PREFIX}{seconds}.{signature(self._keys()[0], path, seconds)}{path}"

    def opened(self, link: str, now: datetime) -> str:
        """The path of the artifact that the link opens. Raises LinkRefused, TokensUnreadable."""
        match = LINK.fullmatch(link)
        if match is None:
            raise LinkRefused("This is no whole link; copy it again from the capture's page.")
        seconds, given, path = match.groups()
        if not sum(hmac.compare_digest(given, signature(key, path, seconds)) for key in self._keys()):
            raise LinkRefused(
                "This link was changed, or was signed with a key that this service does not have (auth.link_key_file; "
                "without one, links end with the process that signed them); get a new one from the capture's page."
            )
        if int(seconds) <= now.timestamp():
            ended = datetime.fromtimestamp(int(seconds), UTC)
            raise LinkRefused(f"This link ended at {ended:%Y-%m-%d %H:%M:%S} UTC; the capture's page has a new one.")
        return path

    def _keys(self) -> list[bytes]:
        return [own_key()] if self.key_file is None else read_keys(self.key_file)


def read_keys(file: Path) -> list[bytes]:
    """The keys, one a line. Raises TokensUnreadable, also for a key that could be guessed."""
    keys = read_tokens(file, "key")
    if min(map(len, keys)) < SHORTEST_KEY:
        raise TokensUnreadable(
            f"the key file {file} has a key of less than {SHORTEST_KEY} characters; make one with: openssl rand -hex 32"
        )
    return keys


def signature(key: bytes, path: str, seconds: str) -> str:
    """43 characters of base64url. path: decoded, as it is routed."""
    digest = hmac.digest(key, f"alertprof link 1\n{seconds}\n{path}".encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()

"""Users of HTTP Basic: names with bcrypt hashes, as in Prometheus' web configuration. Used by tokens.py.

bcrypt is slow on purpose. So one thread computes it, few requests may wait for it, and accepted passwords are cached.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from secrets import token_bytes

import bcrypt

REMEMBERED = 100
WAITING = 16  # requests; at 70 ms each (cost 10), the last one waits about a second


class TooManyLogins(Exception):
    """Too many passwords are being checked; this one would wait too long."""


class Users:
    """read: returns the current hashes by name; what it raises passes through."""

    def __init__(self, read: Callable[[], Mapping[str, str]]) -> None:
        self._read, self._key = read, token_bytes(32)
        self._accepted: OrderedDict[bytes, None] = OrderedDict()
        self._thread, self._waiting = ThreadPoolExecutor(1, "bcrypt"), 0

    async def verify(self, name: str, password: str) -> bool:
        """Whether this is the user's password. An unknown name takes as long as a wrong password. Raises
        TooManyLogins."""
        users = self._read()
        if not users:
            return False
        hashed = users.get(name) or next(iter(users.values()))
        credentials = self._digest(name, hashed, password)
        if credentials in self._accepted:
            return True
        if not await self._matches(password, hashed) or name not in users:
            return False
        self._remember(credentials)
        return True

    def _digest(self, name: str, hashed: str, password: str) -> bytes:
        """Keyed with a secret of this process, so that the time of a look-up reveals no accepted password."""
        credentials = f"{len(name)}:{name}{hashed}{password}".encode()  # a hash always has the same length
        return hashlib.blake2b(credentials, key=self._key, digest_size=32).digest()

    async def _matches(self, password: str, hashed: str) -> bool:
        if self._waiting >= WAITING:
            raise TooManyLogins
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, matches, password, hashed)
        finally:
            self._waiting -= 1

    def _remember(self, credentials: bytes) -> None:
        self._accepted[credentials] = None
        while len(self._accepted) > REMEMBERED:
            self._accepted.popitem(last=False)


def matches(password: str, hashed: str) -> bool:
    """Whether the password has this hash. bcrypt uses only the first 72 bytes; the library refuses longer passwords,
    and those with a NUL."""
    try:
        return bcrypt.checkpw(password.encode()[:72], hashed.encode())
    except ValueError:
        return False

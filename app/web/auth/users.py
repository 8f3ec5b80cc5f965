"""Basic users: names with bcrypt hashes, as Prometheus' web configuration has them. Asked by tokens.py.

bcrypt is slow on purpose, so one thread computes it, few may wait for it, and what was accepted once is remembered.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from secrets import token_bytes

import bcrypt

REMEMBERED = 100
WAITING = 16  # at 70 ms each (cost 10), the last one waits for a second


class TooManyLogins(Exception):
    """So many passwords are being checked that this one would wait too long."""


class Users:
    """`read`: the hashes by name as they are now; what it raises goes through."""

    def __init__(self, read: Callable[[], Mapping[str, str]]) -> None:
        self._read, self._key = read, token_bytes(32)
        self._accepted: OrderedDict[bytes, None] = OrderedDict()
        self._thread, self._waiting = ThreadPoolExecutor(1, "bcrypt"), 0

    async def know(self, name: str, password: str) -> bool:
        """Whether this is a user's password. A name that nobody has takes as long as a wrong password."""
        users = self._read()
        if not users:
            return False
        hashed = users.get(name) or next(iter(users.values()))
        credentials = self._digest(name, hashed, password)
        if credentials in self._accepted:
            return True
        if not await self._fits(password, hashed) or name not in users:
            return False
        self._remember(credentials)
        return True

    def _digest(self, name: str, hashed: str, password: str) -> bytes:
        """Keyed by a secret of this process, so that how long a look-up takes says nothing about what was accepted."""
        told = f"{len(name)}:{name}{hashed}{password}".encode()  # a hash has always the same length
        return hashlib.blake2b(told, key=self._key, digest_size=32).digest()

    async def _fits(self, password: str, hashed: str) -> bool:
        if self._waiting >= WAITING:
            raise TooManyLogins
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, fits, password, hashed)
        finally:
            self._waiting -= 1

    def _remember(self, credentials: bytes) -> None:
        self._accepted[credentials] = None
        while len(self._accepted) > REMEMBERED:
            self._accepted.popitem(last=False)


def fits(password: str, hashed: str) -> bool:
    """bcrypt itself sees the first 72 bytes only; the library refuses longer passwords, and those with a NUL."""
    try:
        return bcrypt.checkpw(password.encode()[:72], hashed.encode())
    except ValueError:
        return False

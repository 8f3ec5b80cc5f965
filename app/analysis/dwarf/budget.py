"""What reading one file's debugging information may cost. The file is a stranger's: small tables in it can be made to
take for ever, each in another way, so every loop over them counts its rounds here."""

from collections.abc import Callable
from time import process_time
from typing import Final

from app.analysis.goheap.ranges import Unreadable

SECONDS: Final = 15.0  # of the processor
MOST_SCOPES: Final = 500_000  # functions around all addresses, inlined ones too
ROUNDS: Final = 256  # between two looks at the clock


class Spent(Unreadable):
    """The file has cost what it may."""


class Budget:
    """now: seconds of processor time"""

    def __init__(self, now: Callable[[], float] = process_time) -> None:
        self._now, self._until = now, now() + SECONDS
        self._rounds, self._scopes = 0, 0

    def round(self) -> None:
        """Counts one round of a loop. Raises Spent."""
        self._rounds += 1
        if self._rounds % ROUNDS == 0 and self._now() > self._until:
            raise Spent(f"has debugging information that takes more than {SECONDS:g} s to read")

    def scope(self) -> None:
        """Counts a function around an address. Raises Spent."""
        self._scopes += 1
        if self._scopes > MOST_SCOPES:
            raise Spent(f"has more than {MOST_SCOPES} functions around these places")

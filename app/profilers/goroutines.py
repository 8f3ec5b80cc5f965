"""How many goroutines a process has, and where they are: counted before anything is asked for that stops it.

With debug=1 Go groups equal stacks and stops the world only for a moment. With debug=2 it writes out every stack while
the world is stopped, and begins anew with a larger buffer when the first was too small: docs/profilers.md has figures.
"""

import re
from contextlib import closing
from pathlib import Path
from threading import Event

from app.hosts.http import Deadlines
from app.model import Kind
from app.profilers.base import Fetched
from app.profilers.part import Part
from app.profilers.servers import Server

COUNTED = Part(Kind.GOROUTINE, "goroutine?debug=1", "-counted.txt")
SOON = Deadlines(first=5, silence=5, whole=15)  # seconds; the recording waits for it
TOTAL = re.compile(rb"goroutine profile: total (\d{1,9})\n")  # its first line
HEAD = 64  # bytes
LATEST = 60.0  # seconds


class Census:
    """How many goroutines there are, as far as it is known. Requests that depend on it wait for it.

    total: None where nobody has counted them"""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._known = Event()

    def close(self, counted: Fetched | None) -> None:
        """The goroutines were counted, or will not be."""
        if counted and not counted.fault:
            self.total = count_in(counted.path)
        self._known.set()

    def fewer_than(self, most: int) -> bool:
        """Whether there are provably fewer."""
        self._known.wait(LATEST)
        return self.total is not None and self.total < most


def count_in(path: Path) -> int | None:
    """The number of goroutines that a file with debug=1 tells; None where it tells none."""
    with path.open("rb") as file:
        total = TOTAL.match(file.read(HEAD))
    return int(total[1]) if total else None


def counted_soon(server: Server, folder: Path) -> Fetched | None:
    """The goroutines with debug=1, in a file of the folder; None where the server does not give them in time."""
    path = folder / COUNTED.name
    with path.open("wb") as file, closing(server.line()) as line:
        reply = server.get(line, COUNTED.query, file.write, limit=COUNTED.limit, deadlines=SOON)
    if reply.status != 200 or reply.fault:
        return None
    return Fetched(COUNTED.kind, path, reply.size, suffix=COUNTED.suffix)

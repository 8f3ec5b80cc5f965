"""A reading process (child.py) that asks back: for ranges of a file or a memory that lie elsewhere.

memory_reader.py and line_reader.py call it. The bytes go through a pipe: none of them is in a file.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from app.analysis import reading_process
from app.analysis.child import Json, Limits
from app.analysis.goheap.ranges import Answer, Range, Source, Unreadable
from app.analysis.readers import Reader, start_reader

RANGES_AT_MOST = 64  # of one request
BYTES_AT_MOST = 127 << 20  # of one request; a gate sends no more than 128 MiB of whole pages
ADDRESSES = 1 << 56  # more than any machine's memory or file has

Fetch = Callable[[Sequence[Range]], Answer]  # what a process's memory and its executable hold


@dataclass(frozen=True, slots=True)
class Dialogue:
    """what: is read, as the text of Unreadable names it; requests_at_most: of one reading"""

    what: str
    requests_at_most: int
    limits: Limits

    def talk(self, request: Json, fetch: Fetch) -> tuple[Json, int]:
        """What a process says at last, and how many requests it made.

        Raises Unreadable, Retryable when no process can be started, and whatever `fetch` raises."""
        reader = start_reader()
        try:
            said = self._told(reader, reading_process.asking(request, self.limits))
            requests = 0
            while "wanted" in said:
                wanted, requests = self._wanted(said["wanted"]), requests + 1
                if requests > self.requests_at_most:
                    raise Unreadable(f"has {self.what} that takes too many requests to read")
                answer = fetch(wanted)
                head = json.dumps({"areas": answer.areas}).encode() + b"\n"
                said = self._told(reader, b"".join((head, *answer.pieces)))
        finally:
            reader.end()
        with self.doubted():
            if why := said.get("unreadable"):
                raise Unreadable(why)
            if why := said.get("bad"):
                raise Unreadable(f"has {self.what} that {why}")
        return said, requests

    @contextmanager
    def doubted(self) -> Iterator[None]:
        """Around what the process says: it has read what nobody vouches for."""
        try:
            yield
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"has {self.what} that spoiled the process that reads it") from error

    def _told(self, reader: Reader, data: bytes) -> Json:
        """What the reading process says next. Its last words are not told: they might be of what it read."""
        try:
            line = reader.exchange(data, monotonic() + self.limits.wall_seconds)
        except TimeoutError:
            raise Unreadable(f"has {self.what} that {reading_process.too_long(self.limits)}") from None
        if not line.endswith(b"\n"):
            raise Unreadable(f"has {self.what} that {reader.why(self.limits, last_words=False)}")
        with self.doubted():
            return dict(json.loads(line))

    def _wanted(self, said: Sequence[Sequence[object]]) -> tuple[Range, ...]:
        """The ranges that the process asks for."""
        with self.doubted():
            ranges = tuple(Range(Source(str(source)), int(str(start)), int(str(size))) for source, start, size in said)
        within = all(0 <= each.start < ADDRESSES and each.size > 0 for each in ranges)
        if not (within and 0 < len(ranges) <= RANGES_AT_MOST and sum(each.size for each in ranges) <= BYTES_AT_MOST):
            raise Unreadable(f"has {self.what} whose tables point to more memory than is read")
        return ranges

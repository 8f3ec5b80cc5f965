"""As of when the numbers of a heap profile are. Pure.

Go publishes the numbers of a heap profile at the end of each garbage collection (runtime.MemProfile). The profile does
not say when that was. The same profile as text does: it ends with runtime.MemStats, and LastGC is one of them.
"""

import re
from datetime import UTC, datetime

TEXT = "heap?debug=1"
KEPT = 64 << 10  # bytes; MemStats with its 512 pauses takes about 10 KB
LAST_GC = re.compile(rb"^# LastGC = (\d{1,19})$", re.MULTILINE)  # nanoseconds since 1970, 0 for never
HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"  # RFC 9110, 5.6.7
NONE_YET = "counts all that was allocated so far: the garbage has never been collected"


class Tail:
    """The last bytes of a text, of which the rest is not kept."""

    def __init__(self) -> None:
        self.tail = b""

    def add(self, data: bytes) -> None:
        """The text's next bytes."""
        self.tail = (self.tail + data)[-KEPT:]


def as_of(text: bytes, date: str) -> str:
    """As of when a heap profile's numbers are, as the end of a sentence; "" if that cannot be told.

    text: the end of the profile as text; date: the Date header of that answer, by the same clock as LastGC"""
    found = LAST_GC.search(text)
    if found is None:
        return ""
    if not int(found[1]):
        return NONE_YET
    try:
        now = datetime.strptime(date, HTTP_DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return ""
    age = max(now - int(found[1]) / 1e9, 0)
    return f"is as of the last garbage collection, {age:.0f} s before"

"""What one request to net/http/pprof brings. Pure."""

from dataclasses import dataclass, replace

from app.model import Kind
from app.profilers.heap_age import TEXT

PROFILE_LIMIT = 256 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One GET and the artifact that it brings.

    query: below the server's path, such as heap; or a path of its own, such as /debug/flight
    limit: bytes of the answer at most
    seconds: how long Go records for it; 0 for a profile that needs no time
    optional: that the server does not have it is no fault
    listed: requested only if the index page lists it
    below: requested only if fewer goroutines were counted; 0 for what does not depend on them
    """

    kind: Kind
    query: str
    suffix: str = ".pprof"
    limit: int = PROFILE_LIMIT
    seconds: int = 0
    optional: bool = False
    listed: bool = False
    below: int = 0

    @property
    def name(self) -> str:
        """The file's name in the capture's folder on our disk, such as heap-after.pprof."""
        return f"{self.kind.value}{self.suffix}"

    def lasting(self, seconds: int) -> "Part":
        """The same with another length."""
        return replace(self, query=f"{self.query.partition('?')[0]}?seconds={seconds}", seconds=seconds)


def part_in_words(part: Part, *, twice: bool) -> str:
    """A part as a plan shows it."""
    where = " where it is served" if part.optional else ""
    where += f" where fewer than {part.below} goroutines are counted" if part.below else ""
    where = " where the index page lists it" if part.listed else where
    dated = f", then {TEXT} for its age" if part.query == "heap" and not part.optional else ""
    return f"{part.query}{where}{dated}{', and again at the end' if twice else ''}"

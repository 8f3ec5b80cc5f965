"""The recipes of docs/profilers.md on the newest profilers of other languages, with rbspy, which is built for it."""

from collections.abc import Iterator

from tests.lab import profilers
from tests.lab.golang import Unavailable
from tests.matrix.outcomes import outcomes

HEAD = ("recipe, on the newest that registries have", "")


def rows() -> Iterator[tuple[str, ...]]:
    for have in (profilers.fetch, lambda: profilers.rbspy(build=True)):
        try:
            have()
        except Unavailable as reason:
            yield (str(reason), "")
    yield from outcomes("tests/integration/test_newest_profilers.py")

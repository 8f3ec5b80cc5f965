"""Has the debugging information of an executable read (dwarf/) by a process of its own, which asks for parts of it.

Called by code_names.py in app/profilers.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.analysis.asking_back import Dialogue, Fetch
from app.analysis.child import Limits
from app.analysis.goheap.ranges import Unreadable
from app.analysis.reading_process import LIMITS
from app.errors import Retryable

REQUESTS_AT_MOST = 256
LARGEST_LINE = 1 << 31


class Call(NamedTuple):
    """function: as the linker knows it where `linkage`, else as the source has it, "" where it is not known; file,
    line: "" and 0 where they are not known"""

    function: str
    file: str
    line: int
    linkage: bool


def read_calls(addresses: Sequence[int], fetch: Fetch, *, limits: Limits = LIMITS) -> dict[int, tuple[Call, ...]]:
    """For each of these addresses, as linked, the functions that it is in: the innermost, which the compiler put into
    the next one, first. Not for those that nothing is known of. `fetch` brings ranges of the file.

    Raises Unreadable where nothing can be read, and whatever `fetch` raises."""
    dialogue = Dialogue("debugging information", REQUESTS_AT_MOST, limits)
    try:
        said, _ = dialogue.talk({"do": "calls", "paths": [""], "addresses": list(addresses)}, fetch)
    except Retryable as error:
        raise Unreadable(f"has lines that could not be read: {error}") from error
    wanted = set(addresses)
    with dialogue.doubted():
        texts = [str(text) for text in said["texts"]]
        return {
            int(address): tuple(
                Call(texts[function], texts[file], max(0, min(int(line), LARGEST_LINE)), bool(linkage))
                for function, file, line, linkage in chain
            )
            for address, chain in said["calls"]
            if address in wanted
        }

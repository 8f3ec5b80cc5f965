"""Has the debugging information of an executable read (dwarf/) by a process of its own, which asks for parts of it.

Called by code_names.py in app/profilers.
"""

from collections.abc import Sequence

from app.analysis.asking_back import Dialogue, Fetch
from app.analysis.child import Limits
from app.analysis.reading_process import LIMITS
from app.analysis.unnamed import Named

REQUESTS_AT_MOST = 256
LARGEST_LINE = 1 << 31


def read_calls(addresses: Sequence[int], fetch: Fetch, *, limits: Limits = LIMITS) -> dict[int, tuple[Named, ...]]:
    """For each of these addresses, as linked, the functions that it is in: the innermost, which the compiler put into
    the next one, first; "" for a name that is not known. Not for those that nothing is known of. `fetch` brings ranges
    of the file.

    Raises Unreadable where nothing can be read, Retryable when no process can be started, and whatever `fetch`
    raises."""
    dialogue = Dialogue("debugging information", REQUESTS_AT_MOST, limits)
    said, _ = dialogue.talk({"do": "calls", "paths": [""], "addresses": list(addresses)}, fetch)
    wanted = set(addresses)
    with dialogue.doubted():
        texts = [str(text) for text in said["texts"]]
        return {
            int(address): tuple(
                Named(texts[function], texts[file], max(0, min(int(line), LARGEST_LINE)))
                for function, file, line in chain
            )
            for address, chain in said["calls"]
            if address in wanted
        }

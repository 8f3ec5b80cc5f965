"""The stacks of all threads as text: gperftools' threadz, one sample a thread.

    --- threadz 1 ---
    --- Thread <id> (name: <name>/<tid>) stack: ---
      PC: 0x… …
      0x…

As parseThread in profile/legacy_profile.go of github.com/google/pprof reads it; names in it are not used, as there.
"""

import re
from collections.abc import Iterator
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, addresses_in, before, is_comment, lines_of
from app.analysis.legacy.mappings import behind_sentinel, is_sentinel, read_mappings

HEADER: Final = re.compile(rb"--- threadz \d+ ---")
THREAD: Final = re.compile(rb"--- Thread ([0-9a-fA-F]+) \(name: (.*)/(\d+)\) stack: ---")
SAME: Final = b"same as previous thread"
NO_STACK: Final = b"---- no stack trace for"


def read_threads(text: bytes) -> Builder | None:
    """None for a text that is no such profile. Raises Malformed for a broken one."""
    lines = lines_of(text)
    line = next((line for line in lines if not is_comment(line)), b"")
    if HEADER.search(line):
        line = next((line for line in lines if is_sentinel(line) or line.startswith(b"-")), b"")
    elif not THREAD.search(line):
        return None
    stacks: list[list[int]] = []
    while line and not is_sentinel(line) and not line.startswith(NO_STACK):
        if not THREAD.search(line):
            raise Malformed("a broken thread profile: a line is neither a thread, an address nor the memory map")
        stack, line = _stack(lines)
        stacks += [stack] if stack else stacks[-1:]
    if not line:
        raise Malformed("a thread profile that is cut: no memory map follows the threads")
    made = Builder(("thread", "count"))
    for stack in stacks:
        twice = len(stack) > 1 and stack[0] == stack[1]  # the leaf, also found as a caller
        made.add([stack[0], *map(before, stack[2 if twice else 1 :])], 1)
    made.mappings = read_mappings(behind_sentinel(line, lines))
    return made


def _stack(lines: Iterator[bytes]) -> tuple[list[int], bytes]:
    """The addresses of a thread, none if it is where the one before is; and the line behind them, empty at the end."""
    addresses: list[int] = []
    same = False
    for line in lines:
        if line.startswith(b"---"):
            return [] if same else addresses, line
        same = same or SAME in line
        addresses += [] if SAME in line else addresses_in(line)
    return [] if same else addresses, b""

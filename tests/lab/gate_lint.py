"""shellcheck over the gate: the whole script, and each of its parts. Part of `make lint`.

A part is checked alone, so globals of other parts seem to be unassigned (SC2154) and its own results unused (SC2034).
Both are excused for the names that the part's head declares, and nothing else is. Word splitting without quotes, which
shellcheck only notes (below `warning`), is how lists are walked here: globbing is off.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

from app.gate.assemble import PARTS, TEXTS, assembled

EXCUSED = (2154, 2034)
LINES = 200  # that a part may have
DECLARED = re.compile(r"^#   ([a-z_0-9]+(?:, [a-z_0-9]+)*): ", re.M)


def head_of(part: str) -> str:
    """The comment that a part begins with."""
    lines = part.splitlines()
    return "\n".join(lines[: next(n for n, line in enumerate(lines) if not line.startswith("#"))])


def declared(part: str) -> frozenset[str]:
    """The globals and functions that a part's head says that it sets or expects."""
    _, _, after = head_of(part).partition("# Sets:")
    return frozenset(name for names in DECLARED.findall(after) for name in names.split(", "))


def faults(name: str, text: str, excused: frozenset[str]) -> Iterator[str]:
    """What shellcheck says, but for globals with these names."""
    command = ["shellcheck", "--norc", "--shell=sh", "--severity=warning", "--format=json", "-"]
    said = subprocess.run(command, input=text.encode(), capture_output=True, check=False).stdout
    for fault in json.loads(said):
        about = re.match(r"\w+", fault["message"])
        if fault["code"] in EXCUSED and about and about[0] in excused:
            continue
        yield f"{name}:{fault['line']}: SC{fault['code']}: {fault['message']}"


def all_faults() -> Iterator[str]:
    everything: frozenset[str] = frozenset()
    for name in PARTS:
        part = TEXTS[name]
        everything |= declared(part)
        yield from faults(f"parts/{name}.sh", part, declared(part))
        if part.count("\n") > LINES:
            yield f"parts/{name}.sh: more than {LINES} lines"
        for label in ("Provides:", "Sets:", "Expects:"):
            if f"# {label}" not in head_of(part):
                yield f"parts/{name}.sh: its head does not say {label}"
    yield from faults("the gate", assembled(), everything)


if __name__ == "__main__":
    found = list(all_faults())
    sys.exit("\n".join(found) if found else 0)

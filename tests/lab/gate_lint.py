"""shellcheck over the gate: the whole script, and each of its parts, down to matters of style. Part of `make lint`.

A part is checked alone, so globals of other parts seem to be unassigned (SC2154) and its own results unused (SC2034).
Both are excused for the names that the part's head declares. Globbing is off, and words are split in two places alone:
by `for`, and by `set --` (SC2086 is excused there). MEANT has what is a habit of the whole script. In the whole nobody
can tell any more which variables are numbers, so that SC2086 is looked for in the parts.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

from app.gate.assemble import PARTS, TEXTS, assembled
from app.gate.recipes import MAPPED, MEMORY

EXCUSED = (2154, 2034)
UNQUOTED = 2086
SPLITS = re.compile(r"\bset -- ")
MEANT = {
    2012: "`ls -ln` reads all links of a directory with one program, and POSIX has no other that does",
    2015: "`a && b || { code=…; return; }` refuses when either fails, which is what it says",
    2317: "the loop calls verbs by their names, so that they and what they use seem to be unreachable",
}
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


def faults(name: str, text: str, excused: frozenset[str], *meant: int) -> Iterator[str]:
    """What shellcheck finds in a script, but for globals with these names and what is meant."""
    exclude = ",".join(f"SC{code}" for code in (*MEANT, *meant))
    command = ["shellcheck", "--norc", "--shell=sh", "--severity=style", f"--exclude={exclude}", "--format=json", "-"]
    lines = text.splitlines()
    said = subprocess.run(command, input=text.encode(), capture_output=True, check=False).stdout
    for fault in json.loads(said):
        about = re.match(r"\w+", fault["message"])
        if fault["code"] in EXCUSED and about and about[0] in excused:
            continue
        if fault["code"] == UNQUOTED and SPLITS.search(lines[fault["line"] - 1]):
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
    yield from faults("the gate", assembled([MEMORY, MAPPED]), everything, UNQUOTED)


if __name__ == "__main__":
    found = list(all_faults())
    sys.exit("\n".join(found) if found else 0)

"""`make matrix` prints every table; `make matrix ARGS=--write` writes those of docs/ssh.md there."""

import re
import sys
from pathlib import Path

from tests.matrix import (
    gate,
    gohttp,
    gomemory,
    killed,
    nodes,
    packaging,
    penalties,
    profilers,
    rust,
    servers,
    shells,
    stores,
)  # fmt: skip

DOCUMENT = Path("docs/ssh.md")
SUBJECTS = {
    "servers": servers, "shells": shells, "penalties": penalties, "go": gohttp, "rust": rust, "node": nodes,
    "memory": gomemory, "gate": gate, "killed": killed, "profilers": profilers, "stores": stores,
    "packaging": packaging,
}  # fmt: skip


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main() -> None:
    for name, subject in SUBJECTS.items():
        made = table(subject.HEAD, list(subject.rows()))
        sys.stdout.write(f"{made}\n")
        if "--write" in sys.argv:
            place = re.compile(rf"(?<=<!-- matrix: {name} -->\n).*(?=<!-- /matrix: {name} -->)", re.DOTALL)
            DOCUMENT.write_text(place.sub(lambda _, made=made: made, DOCUMENT.read_text()))  # type: ignore[misc]


main()

"""Makes the tables of docs/ssh.md: `make matrix` prints them, `make matrix ARGS=--write` writes them there."""

import re
import sys
from pathlib import Path

from tests.matrix import servers

DOCUMENT = Path("docs/ssh.md")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines).replace("| --- ", "|---").replace("--- |", "---|")


def main() -> None:
    made = table(servers.HEAD, list(servers.rows()))
    sys.stdout.write(made)
    if "--write" in sys.argv:
        place = re.compile(r"(?<=<!-- matrix -->\n).*(?=<!-- /matrix -->)", re.DOTALL)
        DOCUMENT.write_text(place.sub(lambda _: made, DOCUMENT.read_text()))


main()

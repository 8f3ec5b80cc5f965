"""Recordings of a calm service, live: of all pairs, how many name a function as changed; and do those with a slower
function name it? The test that decides is in app/analysis/diff/noise.py.
"""

import subprocess
from collections import Counter
from itertools import combinations, product
from pathlib import Path

from app.analysis.diff.changes import changed
from app.analysis.diff.side import Side, side_of
from app.analysis.profile import read_file
from tests.lab import golang

RECORDINGS, SECONDS, SLOW = 15, 30, 3  # 105 pairs
KINDS = {"cpu": "cpu", "heap": "inuse_space"}


def measure(folder: Path, *, quick: bool) -> str:
    """A section of markdown."""
    number, seconds = (4, 5) if quick else (RECORDINGS, SECONDS)
    calm = recorded(folder / "calm", number, seconds)
    slow = recorded(folder / "slow", SLOW, seconds, "-slow")
    lines = [f"{number} recordings of {seconds} s.", "| pairs | of | name a function | which |\n|---|---|---|---|"]
    for kind in KINDS:
        lines[-1] += row(f"{kind}, calm", list(combinations(calm[kind], 2)))
    lines[-1] += row("cpu, main.price twice as slow", list(product(calm["cpu"], slow["cpu"])))
    return "\n\n".join(["## Changes named in pairs of recordings", *lines])


def recorded(folder: Path, number: int, seconds: int, *options: str) -> dict[str, list[Side]]:
    """What the service recorded of itself, by kind."""
    folder.mkdir()
    program, often = str(golang.build("calm")), ("-n", str(number), "-seconds", str(seconds))
    subprocess.run(
        [program, "-dir", str(folder), *often, "-heap", *options], check=True, timeout=number * (seconds + 10) + 60
    )
    return {
        kind: [side_of(read_file(path), sample_type) for path in sorted(folder.glob(f"{kind}-*"))]
        for kind, sample_type in KINDS.items()
    }


def row(title: str, pairs: list[tuple[Side, Side]]) -> str:
    """A line of the table."""
    found = [{change.node.name for change in changed(*pair)} for pair in pairs]
    names = Counter(name for each in found for name in each)
    told = ", ".join(f"{name} ({count})" for name, count in names.most_common(5))
    return f"\n| {title} | {len(pairs)} | {sum(map(bool, found))} | {told} |"

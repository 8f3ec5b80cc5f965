"""Recordings of a calm service, live: of all pairs, how many name a function as changed, or have a finding that
accuses; and do those with a slower function name it? What decides is in app/analysis/diff/noise.py and app/findings.
"""

import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations, product
from pathlib import Path

from app.analysis.diff.changes import changed
from app.analysis.diff.files import table_of_files
from app.analysis.diff.side import Side, side_of
from app.analysis.facts import facts
from app.analysis.profile import read_file
from app.finding import INFO
from app.findings.every import findings
from app.findings.scene import Baseline, File, Scene, scene
from app.model import Kind
from tests.lab import golang

RECORDINGS, SECONDS, SLOW = 15, 30, 3  # 105 pairs
KINDS = {"cpu": "cpu", "heap": "inuse_space"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording. files, sides: by kind; scene: of both files, as findings are made of it."""

    files: dict[str, Path]
    sides: dict[str, Side]
    scene: Scene


def measure(folder: Path, *, quick: bool) -> str:
    """A section of markdown."""
    number, seconds = (4, 5) if quick else (RECORDINGS, SECONDS)
    calm = recorded(folder / "calm", number, seconds)
    slow = recorded(folder / "slow", SLOW, seconds, "-slow")
    pairs, slower = list(combinations(calm, 2)), list(product(calm, slow))
    rows = [
        *(row(f"{kind}, calm", (changes(*pair, kind) for pair in pairs)) for kind in KINDS),
        row("cpu, main.price twice as slow", (changes(*pair, "cpu") for pair in slower)),
        row("findings, calm, the first one as the baseline", (accused(*pair) for pair in pairs)),
        row("findings, main.price twice as slow", (accused(*pair) for pair in slower)),
    ]
    table = "| pairs | of | name a function | which |\n|---|---|---|---|" + "".join(rows)
    return "\n\n".join(["## Changes named in pairs of recordings", f"{number} recordings of {seconds} s.", table])


def recorded(folder: Path, number: int, seconds: int, *options: str) -> list[Recorded]:
    """What the service recorded of itself."""
    folder.mkdir()
    program, often = str(golang.build("calm")), ("-n", str(number), "-seconds", str(seconds))
    subprocess.run(
        [program, "-dir", str(folder), *often, "-heap", *options], check=True, timeout=number * (seconds + 10) + 60
    )
    return [read(folder, at, seconds) for at in range(number)]


def read(folder: Path, at: int, seconds: int) -> Recorded:
    """The recording with this number. The service has run since the first one."""
    files = {kind: folder / f"{kind}-{at:02}.pprof" for kind in KINDS}
    sides = {kind: side_of(read_file(files[kind]), sample_type) for kind, sample_type in KINDS.items()}
    there = [File(Kind(kind), path.name, facts(path)) for kind, path in files.items()]
    return Recorded(files, sides, scene(there, seconds, (at + 1) * seconds, ""))


def changes(base: Recorded, now: Recorded, kind: str) -> set[str]:
    """The functions that are named as changed."""
    return {change.node.name for change in changed(base.sides[kind], now.sides[kind])}


def accused(base: Recorded, now: Recorded) -> set[str]:
    """What the findings accuse: by their severity, or since the baseline has less of it."""
    differences = {
        Kind(kind): table_of_files(now.files[kind], base.files[kind], 0, sample_type, None)
        for kind, sample_type in KINDS.items()
    }
    against = Baseline(datetime.now(UTC), base.scene, differences)
    found = findings(replace(now.scene, baseline=against))
    accusing = [each for each in found if each.severity != INFO or each.code.endswith("_above_baseline")]
    return {f"{each.code} {each.functions[0] if each.functions else ''}".strip() for each in accusing}


def row(title: str, found: Iterable[set[str]]) -> str:
    """A line of the table. found: what each of the pairs names."""
    named = list(found)
    names = Counter(name for each in named for name in each)
    told = ", ".join(f"{name} ({count})" for name, count in names.most_common(5))
    return f"\n| {title} | {len(named)} | {sum(map(bool, named))} | {told} |"

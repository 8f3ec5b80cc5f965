"""Our table of differences, not normalised, beside that of `go tool pprof -diff_base`."""

import re
import subprocess
from pathlib import Path

import pytest

from app.analysis.diff.normalize import Normalize
from app.analysis.diff.side import base_of, side_of
from app.analysis.diff.table import Difference, difference
from app.analysis.profile import read_file
from app.analysis.units import format_percent, format_value
from tests.integration.test_recorded_against_pprof import pprof
from tests.integration.test_top_against_pprof import OWN_UNIT, rows
from tests.unit.analysis.pairs import recordings

__all__ = ["pprof"]

RECORDED = Path(__file__).parents[1] / "data" / "profiles"
KINDS = ("cpu", "heap", "mutex", "block", "goroutine", "threadcreate")
PAIRS = [
    *((f"one/{kind}.pprof", f"two/{kind}.pprof") for kind in KINDS),
    ("calm/cpu-00.pprof", "slow/cpu-00.pprof"),
    ("calm/heap-09.pprof", "calm/heap-00.pprof"),
    ("one/heap.pprof", "go-1.27-debug1.heap"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pairs")
    for name, data in recordings().items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(data)
    return made


def table(found: Difference, shown_in: str) -> list[str]:
    """Rendered as pprof renders it."""
    lines = []
    for row in found.rows:
        flat, cum = (format_value(value, found.unit, shown_in) for value in (row.flat, row.cum))
        shares = [f"{format_percent(share):>6}" for share in (row.flat_percent, row.sum_percent, row.cum_percent)]
        lines.append(f"{flat:>10} {shares[0]} {shares[1]} {cum:>10} {shares[2]}  {row.function}")
    return lines


@pytest.mark.timeout(700)
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_differences_are_those_of_pprof(folder: Path, before: str, after: str, pprof: str) -> None:
    paths = [folder / name if "/" in name else RECORDED / name for name in (before, after)]
    base, now = map(read_file, paths)
    for sample_type in sorted({kind.type for kind in now.sample_types}):
        side = side_of(now, sample_type)
        ours = difference(base_of(base, side), side, 10_000, Normalize.NONE)
        exact = OWN_UNIT[ours.unit]
        assert table(ours, exact) == theirs(paths, sample_type, f"-unit={exact}", pprof=pprof)
    assert table(ours, ours.shown_in) == theirs(paths, sample_type, pprof=pprof)


def theirs(paths: list[Path], sample_type: str, *options: str, pprof: str) -> list[str]:
    wanted: tuple[str | Path, ...] = (f"-sample_index={sample_type}", f"-diff_base={paths[0]}", paths[1])
    command = (pprof, "-top", "-symbolize=none", "-nodefraction=0", "-nodecount=10000", *options, *wanted)
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    return rows([re.sub(r" \((partial-)?inline\)$", "", line) for line in said.splitlines()])

"""Two untrusted files in the separate process: same answers as without it, and every fault becomes a sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.analysis.diff.asking import difference_of, difference_tree_of
from app.analysis.diff.files import table_of_files, tree_of_files
from app.analysis.diff.normalize import Normalize
from app.analysis.profile import BadProfile
from app.analysis.readers import Readers
from app.analysis.reading_process import LIMITS
from tests.unit.analysis.pairs import recordings
from tests.unit.analysis.synthetic import cpu
from tests.unit.analysis.test_isolate import SMALL, endless, explosive, written


@pytest.fixture(scope="module")
def kept() -> Iterator[Readers]:
    made = Readers()
    yield made
    made.close()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("calm", "slow"):
        (tmp_path / name).write_bytes(recordings()[f"{name}/cpu-00.pprof"])
    return tmp_path / "calm", tmp_path / "slow"


def test_the_answers_are_those_without_a_process_between(kept: Readers, pair: tuple[Path, Path]) -> None:
    base, now = pair
    for how in (None, Normalize.NONE, Normalize.TOTAL):
        assert difference_of(base, now, 9, None, how, ask=kept.ask) == table_of_files(now, base, 9, None, how)
        assert difference_tree_of(base, now, None, how, ask=kept.ask) == tree_of_files(now, base, None, how)


def test_the_tree_adds_up_to_the_table(pair: tuple[Path, Path]) -> None:
    base, now = pair
    table = table_of_files(now, base, 10_000, None, Normalize.NONE)
    flat: dict[str, int] = {}
    for node in tree_of_files(now, base, None, Normalize.NONE).nodes[1:]:  # the root has the samples without a stack
        flat[node.name] = flat.get(node.name, 0) + node.self - node.base_self
    assert {name: value for name, value in flat.items() if value} == {
        row.function: row.flat for row in table.rows if row.flat
    }


def test_a_base_that_wants_to_exhaust_the_process_is_told(kept: Readers, tmp_path: Path) -> None:
    now = written(tmp_path / "now", cpu([(["a" * 60, "main"], 5)]))
    faults = {
        explosive(tmp_path / "explosive"): (SMALL, "MiB of memory"),
        endless(tmp_path / "endless"): (LIMITS._replace(cpu_seconds=1), "processor time"),
        tmp_path / "missing": (LIMITS, "its base cannot be compared with: cannot be read"),
    }
    for base, (limits, words) in faults.items():
        path = base if base.name == "endless" else now  # what the capture says to drop is dropped from both
        with pytest.raises(BadProfile, match=words):
            difference_of(base, path, limits=limits, ask=kept.ask)

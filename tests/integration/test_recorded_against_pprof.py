"""Our table of files that other programs wrote, beside that of `go tool pprof` of two releases of Go."""

import re
import subprocess
from pathlib import Path

import pytest

from app.analysis.profile import read_file
from app.analysis.top import top
from tests.integration.test_top_against_pprof import rows
from tests.lab import golang
from tests.unit.analysis.tables import table

RECORDED = Path(__file__).parents[1] / "data" / "profiles"
FORMS = (".cpu", ".heap", ".growth", ".thread", ".contention", ".mutex", ".goroutineleak", ".gz")  # that pprof reads
FILES = sorted(path.name for path in RECORDED.iterdir() if path.suffix in FORMS)
NOT_OF_PPROF = ("jemalloc.heap",)


@pytest.fixture(scope="module", params=["local", "go1.26.8"])
def pprof(request: pytest.FixtureRequest) -> str:
    """The path of that release's pprof. It is called without `go`, which takes longer than the tool."""
    try:
        return str(golang.tool_path("pprof", request.param))
    except RuntimeError as error:
        if "toolchain not available" in str(error):
            pytest.skip(f"{request.param} cannot be had of the module proxy")
        raise


def lines_of(pprof: str, path: Path, sample_type: str) -> list[str]:
    """The table, without the labels of inlined functions."""
    options = ("-symbolize=none", "-nodefraction=0", "-nodecount=10000", f"-sample_index={sample_type}")
    command = (pprof, "-top", *options, path)
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    return rows([re.sub(r" \((partial-)?inline\)$", "", line) for line in said.splitlines()])


@pytest.mark.timeout(700)
@pytest.mark.parametrize("name", [name for name in FILES if name not in NOT_OF_PPROF])
def test_the_table_of_a_recorded_file_is_that_of_pprof(name: str, pprof: str) -> None:
    profile = read_file(RECORDED / name)
    for sample_type in {kind.type for kind in profile.sample_types}:
        ours = top(profile, 10_000, sample_type)
        assert table(ours, ours.shown_in) == lines_of(pprof, RECORDED / name, sample_type)
    assert top(profile, 1).sample_type == profile.sample_types[-1].type

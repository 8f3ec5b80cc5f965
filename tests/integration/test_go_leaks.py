"""Go's own leaking programs: every leak that the runtime reports is named with its line. `make faults` takes all."""

from pathlib import Path

import pytest

from tests.faults.leaks import Programs, missed

TOLD_APART = ["Cockroach1055", "Hugo3251", "Hugo5379", "Kubernetes58107", "Moby21233", "Syncthing5795"]
QUIET = {"NoLeakGlobal"}  # it waits for a channel that a global variable still has


@pytest.mark.parametrize("package", [".", "goker"])
def test_every_leak_that_the_runtime_reports_is_named_with_its_line(tmp_path: Path, package: str) -> None:
    try:
        programs = Programs(tmp_path, package)
    except LookupError as reason:
        pytest.skip(str(reason))
    names = TOLD_APART if package == "goker" else [name for name in programs.names if name != "GoroutineLeakGC"]
    leaks = 0
    for name, lines, found in programs.results(names):
        assert missed(lines, found) == [], (name, [each.detail for each in found])
        assert name not in QUIET or not found
        leaks += len(lines)
    assert leaks >= len(names) / 2

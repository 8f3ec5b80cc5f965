"""Services with one known fault each: the first finding names the function. Healthy ones are accused of nothing."""

import re
from pathlib import Path

import pytest

from app.analysis.facts import facts
from app.findings import every
from app.findings.every import findings
from app.findings.purposes import PURPOSES
from app.findings.scene import File, scene
from app.model import Kind
from tests.faults.expected import FAULTS, HEALTHY
from tests.faults.line import SECONDS
from tests.unit.findings.recorded import FOLDER, PROFILES, found

DOCS = (Path(__file__).parents[3] / "docs" / "findings.md").read_text()


@pytest.mark.parametrize("name", FAULTS)
def test_the_first_finding_names_the_guilty_function(name: str) -> None:
    fault, first = FAULTS[name], found(name)[0]
    assert first.code == fault.code
    assert any(guilty in first.title for guilty in fault.guilty), first.title
    assert first.detail and first.refuted_by and first.helps and first.functions
    assert any(digit.isdigit() for digit in first.detail)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_busy_service_is_accused_of_nothing(name: str) -> None:
    assert found(name) == ()


def test_a_heap_profile_without_any_function_of_the_runtime_is_of_a_go_program_all_the_same() -> None:
    files = [
        File(Kind.HEAP, name, facts(PROFILES / name))
        for name in ("go-1.27-no-runtime.heap", "go-1.27-no-runtime-after.heap")
    ]
    assert [finding.code for finding in findings(scene(files, SECONDS, 60, ""))] == ["memory_grows"]


def test_the_table_of_the_page_is_what_the_recorded_files_show() -> None:
    rows = re.findall(r"^\| `([a-z]+)`: [^|]+ \| `(\w+)` \| `([^`]+)` \|", DOCS, re.MULTILINE)
    assert {name: code for name, code, _ in rows} == {name: fault.code for name, fault in FAULTS.items()}
    assert [name for name, _, function in rows if function not in found(name)[0].title] == []


def test_every_code_is_on_the_page_and_no_other() -> None:
    source = "".join(path.read_text() for path in Path(every.__file__).parent.glob("*.py"))
    codes = set(PURPOSES)
    for line in re.findall(r"^[A-Z, _]+(?:: Final)? = ((?:\"[a-z_]+\"(?:, )?)+)$", source, re.MULTILINE):
        codes |= set(re.findall(r'"([a-z_]+)"', line))
    codes -= {"selecting", "inuse_space", "alloc_space"}  # a purpose and sample types, no codes
    assert set(re.findall(r"^### `(\w+)`", DOCS, re.MULTILINE)) == codes


def test_every_recorded_service_is_expected() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == {*FAULTS, *HEALTHY}

"""What the documents say of the tests is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THERE = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("document", ["security.md", "reliability.md", "alerts.md", "ssh.md"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    said = set(re.findall(r"\btest_\w+\b(?!\.py|\*|/)", (ROOT / "docs" / document).read_text()))
    assert said, "it names tests"
    assert sorted(said - THERE) == []


@pytest.mark.parametrize("document", ["security.md", "reliability.md", "rules.md", "explain.md", "alerts.md", "ssh.md"])
def test_every_file_that_a_document_links_to_exists(document: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / "docs" / document).read_text())
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []

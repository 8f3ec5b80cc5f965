"""The walk-through of docs/contributing.md, executed step by step in a copy of the repository, as a reader would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.pages import ROOT, Block, blocks_in, commands_in, section, text_of

PAGE = "docs/contributing.md"
WALK = section(text_of(PAGE), "## Add a resolver")
COPIED = ("app", "tests", "docs", "README.md", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns(".*", "targets", "data")
Steps = list[tuple[str, Block]]


def steps() -> Steps:
    """The blocks of the walk-through, each with the text above it, up to the block before."""
    between = re.split(r"^```.*?^```$", WALK, flags=re.MULTILINE | re.DOTALL)
    return list(zip(between, blocks_in(WALK, PAGE), strict=False))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository as far as the page needs it, with the environment of this run as its .venv."""
    for name in COPIED:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, tmp_path / name, ignore=LEFT_OUT)
        else:
            shutil.copy(place, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def run(line: str, folder: Path) -> str:
    """What the command prints. It has to succeed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    words = ["sh", "-c", line]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{line}: {said}"
    return said


def place_in(said: str) -> str:
    """The file that the text above a block says to create."""
    (place,) = re.findall(r"Create\s+`([^`]+)`", said)
    return str(place)


def insert(row: str, folder: Path) -> None:
    """Puts a row below the one of `port`, as the page says."""
    page = folder / "docs" / "rules.md"
    changed, times = re.subn(r"^\| `port` \|.*\n", lambda found: found[0] + row, page.read_text(), flags=re.MULTILINE)
    assert times == 1
    page.write_text(changed)


def act(said: str, block: Block, folder: Path) -> dict[str, str]:
    """Does what the page says with this block; of commands what they print."""
    if block.language == "sh":
        return {line: run(line, folder) for line in commands_in(block)}
    if block.language == "markdown":
        insert(block.text, folder)
    else:
        place = folder / place_in(said)
        assert not place.exists(), f"{place} is new"
        place.write_text(block.text)
    return {}


def test_a_resolver_is_added_as_the_page_says(copy: Path) -> None:
    printed: dict[str, str] = {}
    for said, block in steps():
        printed |= act(said, block, copy)
    assert "3 passed" in printed[".venv/bin/python -m pytest tests/unit/resolvers/test_folder.py -q"]
    (explained,) = [said for line, said in printed.items() if " explain " in line]
    assert "folder: would look on 10.0.0.5: whose executable is /srv/orders" in explained


def test_the_walk_has_all_its_steps() -> None:
    languages = [block.language for _, block in steps()]
    assert languages == ["python", "python", "sh", "markdown", "sh", "yaml", "json", "sh"]

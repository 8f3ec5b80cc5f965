"""The documents as a site: `make docs` builds it without a warning, and it shows what the repository's pages show."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.lab.pages import PAGES, ROOT

SOURCES = ("mkdocs.yml", "mkdocs_hooks.py", "README.md", "README.zh-Hans.md", "CHANGELOG.md")
NAMES = {"README.md": "index", "README.zh-Hans.md": "zh-Hans", "CHANGELOG.md": "changes"}
LOADED = re.compile(r'<(?:script|img|link rel="stylesheet")[^>]+(?:src|href)="(https?:[^"]+)"')
SHOWN = re.compile(r"<(li|ol|ul|table|tr|td|th|pre|p|h2|h3|strong|em|img)[ >]")


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """`make docs` without its `make setup`. With --quiet, mkdocs would count no warning, and so fail for none."""
    words = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def shown(html: str) -> Counter[str]:
    return Counter(SHOWN.findall(html))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("site")
    done = build(ROOT, there)
    assert done.returncode == 0, done.stderr
    return there


def test_the_site_shows_what_the_pages_of_the_repository_show(site: Path) -> None:
    commonmark = MarkdownIt("commonmark").enable("table")
    pages = [*PAGES.values(), ROOT / "README.zh-Hans.md", ROOT / "CHANGELOG.md"]
    for source in pages:
        page = (site / f"{NAMES.get(source.name, source.stem)}.html").read_text(encoding="utf-8")
        article = page[page.index("<article") : page.index("</article>")]
        assert shown(article) == shown(commonmark.render(source.read_text(encoding="utf-8"))), source.name


def test_the_site_has_the_files_that_its_pages_link_to_and_loads_nothing_from_elsewhere(site: Path) -> None:
    linked = re.findall(r'href="(files/[^"#]+)"', (site / "index.html").read_text(encoding="utf-8"))
    assert "files/deploy/alertprof.example.yml" in linked
    assert [path for path in linked if not (site / path).is_file()] == []
    for page in site.glob("*.html"):
        assert LOADED.findall(page.read_text(encoding="utf-8")) == [], page.name


def test_a_link_that_leads_nowhere_is_a_fault(tmp_path: Path) -> None:
    for name in (*SOURCES, "docs", "deploy", "Dockerfile", "alertmanager-example.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "faq.md").open("a") as page:
        page.write("\n[one](nowhere.md) [two](findings.md#nowhere) [three](../deploy/nowhere.yml)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    for told in ("nowhere.md", "#nowhere", "nowhere.yml"):
        assert told in done.stderr

"""What `mkdocs build` needs to know of this repository: mkdocs.yml names this file under `hooks`.

The documents are written to be read in the repository. So README is the site's first page, CHANGELOG is a page too, and
files that a page links to, such as those in deploy/, become part of the site below `files/`.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
PAGES = {"README.md": "index.md", "README.zh-Hans.md": "zh-Hans.md", "CHANGELOG.md": "changes.md"}
SOURCES = {page: source for source, page in PAGES.items()}
LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)\s#]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The files of docs/, the pages from outside it, and what any page links to."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for page in files.documentation_pages():
        for link in LINK.findall(page.content_string):
            there = _in_the_site(page.src_uri, link)
            if there not in files.src_uris and (path := ROOT / _in_the_repository(page.src_uri, link)).is_file():
                files.append(File.generated(config, there, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page's text, its links as they are in the site."""
    here = posixpath.dirname(page.file.src_uri)
    return LINK.sub(lambda link: posixpath.relpath(_in_the_site(page.file.src_uri, link[1]), here or "."), markdown)


def _in_the_repository(page: str, link: str) -> str:
    """The path from the repository's root that a page of the site links to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(SOURCES.get(page, f"docs/{page}")), link))


def _in_the_site(page: str, link: str) -> str:
    path = _in_the_repository(page, link)
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return PAGES.get(path, f"files/{path}")

"""README and docs/ as the tests read them: their pages, links, anchors and fenced blocks."""

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {str(file.relative_to(ROOT)): file for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
OPERATORS = {"|", ";", "&&", "||", "&"}
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. place: PAGE:LINE of its fence. language: the word behind the fence, or empty."""

    place: str
    language: str
    text: str

    def __str__(self) -> str:
        return self.place


def text_of(page: str) -> str:
    return PAGES[page].read_text(encoding="utf-8")


def blocks_in(text: str, page: str) -> list[Block]:
    """Every fenced block of a text, in order. Raises ValueError for a fence that is never closed."""
    found = [
        Block(f"{page}:{text.count(chr(10), 0, each.start()) + 1}", each[2].strip(), textwrap.dedent(each[3]))
        for each in FENCE.finditer(text)
    ]
    if "```" in FENCE.sub("", text):
        raise ValueError(f"{page}: a fence is not closed, or is indented otherwise than its end")
    return found


def blocks() -> list[Block]:
    """Every fenced block of every page."""
    return [block for page in PAGES for block in blocks_in(text_of(page), page)]


def commands_in(block: Block) -> list[str]:
    """The command lines of a block: of `sh` all but comments and empty lines, of `console` those behind a prompt."""
    lines = block.text.splitlines()
    if block.language == "console":
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def simple_commands(line: str) -> list[list[str]]:
    """The commands of a line, each as its words; redirections are left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split, lexer.commenters = True, "#"
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word in OPERATORS:
            commands.append([])
        elif not word.startswith((">", "<")):
            commands[-1].append(word)
    return commands


def prose_of(page: str) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def section(text: str, heading: str) -> str:
    """What stands below a heading, `## Layers`, up to the next heading of its level or above. Raises ValueError."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"there is no heading {heading!r}")
    return found[1]


def anchors_of(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}

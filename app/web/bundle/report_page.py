"""The report of a bundle as one HTML file: findings, tables and flame graphs, for a browser without a network."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from app.analysis.top import Top
from app.model import Artifact, Capture
from app.web.pages.capture import result_or_fault
from app.web.pages.flame import Flame, flame
from app.web.pages.renderer import PageRenderer
from app.web.profiles import Profiles, profiles_of

ROWS = 40  # functions in a table
SHOWN = 4  # profiles; the others are in the bundle as files
STYLE = (Path(__file__).parents[1] / "static" / "style.css").read_text("utf-8")
POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"


@dataclass(frozen=True, slots=True)
class Section:
    """A profile in the report. top, flame: None where it cannot be shown; then `fault` says why."""

    file: Artifact
    top: Top | None
    flame: Flame | None
    fault: str


def report_page(page: PageRenderer, profiles: Profiles, capture: Capture) -> str:
    """The HTML. It refers to nothing outside itself, and its policy forbids it to. A profile that cannot be read costs
    its section."""
    shown = profiles_of(capture)
    sections = [_section(profiles, capture, file) for file in shown[:SHOWN]]
    return page.jinja.get_template("bundle.html").render(
        c=capture, sections=sections, more=shown[SHOWN:], style=STYLE, policy=POLICY
    )


def _section(profiles: Profiles, capture: Capture, file: Artifact) -> Section:
    top, fault = result_or_fault(lambda: profiles.top(capture, file.kind, ROWS))
    tree, no_tree = result_or_fault(lambda: profiles.tree(capture, file.kind)) if top else (None, "")
    return Section(file, top, flame(tree, 0) if tree and tree.total else None, fault or no_tree)

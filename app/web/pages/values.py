"""Values of any origin as the pages write them: times, and names that wrap at sensible places. Pure."""

import re
from datetime import datetime
from typing import Final

from markupsafe import Markup, escape

LONGEST: Final = 160  # characters of a name in a list; all of it is in its title
_JOINTS: Final = re.compile(r"(?<=[/._:@,=-])(?=[^/._:@,=-])")


def clock(moment: datetime | None) -> str:
    """`2026-11-23 22:40:00`; empty for None."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def time(moment: datetime | None) -> str:
    """As an element that static/times.js shows in the reader's zone."""
    utc = f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
    return Markup('<time datetime="{}">{}</time>').format(utc, clock(moment)) if moment else ""


def name(text: str) -> str:
    """A name as text of its own direction, that may wrap behind a slash, a dot or a hyphen; a very long one cut."""
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    title = Markup(' title="{}"').format(text) if shown != text else ""
    return Markup("<bdi{}>{}</bdi>").format(title, breakable(shown))


def breakable(text: str) -> Markup:
    """A text that may wrap behind a slash, a dot or a hyphen."""
    return Markup("<wbr>").join(escape(part) for part in _JOINTS.split(text))

"""Values of any origin as the pages write them: times, and names that wrap at sensible places. Pure."""

import re
from datetime import datetime
from typing import Final

from markupsafe import Markup, escape

LONG_WORD: Final = 15  # characters
LONGEST: Final = 160  # characters of a name in a list; all of it is in its title
_JOINTS: Final = re.compile(r"(?:(?<=[/_:@,=-])|(?<=\.)(?<!\d\.))(?=[^/._:@,=-])|(?<=\d\.)(?=[^\d/._:@,=-])")
_HUMPS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


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
    """A text that may wrap behind a slash, a dot or a hyphen, but not inside a number or an address; a long word also
    before the capitals in it."""
    parts = (_HUMPS.split(part) if len(part) > LONG_WORD else [part] for part in _JOINTS.split(text))
    return Markup("<wbr>").join(escape(each) for part in parts for each in part)

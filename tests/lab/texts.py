"""The texts that are marked for translation in app/web. `make texts` brings the catalogues up to date with them."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.web.languages import CATALOGUES, LANGUAGES

WEB = Path(__file__).parents[2] / "app" / "web"
KEYWORDS = DEFAULT_KEYWORDS | {"marked": None}
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
HEADER = """\
# The texts of the pages. Technical terms, the API's words and what alerts and hosts say stay as they are.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}


def marked() -> Catalog:
    """Every marked text, without a translation."""
    found = Catalog(charset="utf-8")
    for file, _line, message, comments, context in extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS):
        found.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return found


def catalogue(language: str) -> Path:
    return CATALOGUES / language.replace("-", "_") / "LC_MESSAGES" / "pages.po"


def read(language: str) -> Catalog:
    return read_po(BytesIO(catalogue(language).read_bytes()))


def update(language: str) -> int:
    """Adds what is new, with an empty translation, and drops what is gone. Returns how many texts lack one."""
    has = read(language)
    has.update(marked(), no_fuzzy_matching=True)
    has.obsolete.clear()
    body = BytesIO()
    write_po(body, has, width=0, sort_output=True, omit_header=True, include_lineno=False)
    header = HEADER.format(language=has.locale_identifier, plurals=has.plural_forms)
    catalogue(language).write_text(header + body.getvalue().decode().lstrip("\n"), encoding="utf-8")
    return sum(1 for message in has if message.id and not message.string)


def fields(text: str) -> set[str]:
    """The places of a text that are filled in."""
    return set(re.findall(r"%\(\w+\)[sd]", text))


def tags(text: str) -> list[str]:
    """Its markup."""
    return sorted(re.findall(r"<[^>]+>", text))


if __name__ == "__main__":
    for each in LANGUAGES:
        if each != "en":
            print(f"{catalogue(each)}: {update(each)} texts without a translation")

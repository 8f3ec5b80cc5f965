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
TERMS = {"alertprof", "API", "pid", "Go", "cum", "flat", "sum"}  # the same in every language
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


def unmarked(template: str) -> list[str]:
    """The texts of a template, between its elements and in what is read aloud or shown, that no `_` marks."""
    rest = re.sub(r"(?s)\{#.*?#\}|\{%-? trans\b.*?endtrans -?%\}|<(code|kbd|pre|script)\b.*?</\1>", "", template)
    rest = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}", "\0", rest)
    told = re.findall(r'\b(?:aria-label|title|alt)="([^"]*)"', rest)
    texts = re.split(r"(?s)<!?[a-z/][^>]*>|\0", rest)
    return [text.strip() for text in (*texts, *told) if set(re.findall(r"[A-Za-z]{2,}", text)) - TERMS]


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

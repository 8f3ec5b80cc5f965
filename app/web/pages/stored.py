"""Sentences that captures keep in English, in the reader's language: findings, events of timelines, reasons.

The ledger and the API have them in English, so they are translated where they are shown, by the catalogue `stored`: its
texts are templates, and a sentence that fits none stays as it is. A value of a template may be a sentence itself.
"""

from functools import cache, lru_cache
from typing import Final, NamedTuple

from app.errors import Reason
from app.web.languages import CATALOGUES, language
from app.web.pages.states import reason_in_words

LONGEST: Final = 4000  # characters of a text that is translated
DEEPEST: Final = 6  # sentences in values of sentences
FIELD: Final = "%("
SAID: Final = "said"  # the name of a value that is a sentence, to which the template adds something


class Template(NamedTuple):
    """A sentence of the catalogue: what stands before, between and behind its values, in English, and the names of
    these; translated: with `%(name)s`."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    translated: str

    def values(self, text: str) -> dict[str, str] | None:
        """The values of a text that fits, each as short as can be; None for any other. It takes linear time."""
        first, *between = self.literals
        if not text.startswith(first) or not self.names:
            return {} if text == first and not self.names else None
        *between, last = between
        at, end, found = len(first), len(text) - len(last), list[str]()
        for literal in between:
            after = text.find(literal, at + 1, end)
            if after < 0:
                return None
            found.append(text[at:after])
            at = after + len(literal)
        if end <= at or not text.endswith(last) or any(". " in value for value in (*found, text[at:end])):
            return None  # a value ends with its sentence
        return dict(zip(self.names, (*found, text[at:end]), strict=True))


def stored(text: str) -> str:
    """The text in the reader's language; what has no translation stays in English."""
    return _translated(language(), text)


def stored_sentence(text: str) -> str:
    """The same, with an end."""
    shown = stored(text.rstrip("."))
    return f"{shown}。" if shown != text.rstrip(".") else f"{shown}."


def reason_sentence(reason: Reason) -> str:
    """What a reason says. Where it has no translation, its code is translated, and the original follows."""
    shown = stored(reason.message)
    known = language() == "en" or shown != reason.message
    return shown if known else f"{reason_in_words(reason.code)} ({reason.message})"


@lru_cache(maxsize=512)
def _translated(chosen: str, text: str) -> str:
    if chosen == "en" or len(text) > LONGEST:
        return text
    whole = _one(chosen, text, 0)
    if whole is not None:
        return whole
    sentences = text.split(". ")
    shown = [_one(chosen, each, 0) for each in sentences]
    if not any(shown):
        return text
    ends = ["。" if each else ". " for each in shown[:-1]]
    return "".join(f"{new or old}{end}" for new, old, end in zip(shown, sentences, [*ends, ""], strict=True))


def _one(chosen: str, text: str, depth: int) -> str | None:
    """One sentence; None where it fits no template."""
    for template in templates(chosen) if depth < DEEPEST else ():
        values = template.values(text)
        if values is not None:
            shown = {name: _one(chosen, value, depth + 1) or value for name, value in values.items()}
            return template.translated % shown if shown else template.translated
    return None


@cache
def templates(chosen: str) -> tuple[Template, ...]:
    """The catalogue of a language: what is added to a sentence first, then those with most of their own text."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 - as in languages.py

    with (CATALOGUES / chosen.replace("-", "_") / "LC_MESSAGES" / "stored.po").open("rb") as file:
        found = [_template(str(each.id), str(each.string)) for each in read_po(file) if each.id]
    return tuple(sorted(found, key=lambda each: (each.names[:1] != (SAID,), -sum(map(len, each.literals)))))


def _template(english: str, translated: str) -> Template:
    first, *rest = english.split(FIELD)
    pairs = [each.split(")s", 1) for each in rest]
    return Template((first, *(literal for _, literal in pairs)), tuple(name for name, _ in pairs), translated)

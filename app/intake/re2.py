"""Go's regular expressions. Matchers and relabelling are written in them; RE2, of which Go's are a part, reads them.

A match takes time that is linear in the text, whatever the expression: labels are untrusted, and whoever may look may
ask with an expression. Python's own `re` takes minutes for `(a+)+b` and thirty letters, and stops every other thread.

The syntax is https://github.com/google/re2/wiki/Syntax.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

_SURROGATES = re.compile("[\ud800-\udfff]")
_NAMED = re.compile(r"\(\?P?<(\w+)>", re.ASCII)
_PART = re.compile(
    r"""\\Q.*?(?:\\E|\Z) | \\. | \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^]\\])*\]
       | (?P<named>\(\?P?<\w+>) | (?P<group>\((?!\?)) | .""",
    re.DOTALL | re.VERBOSE | re.ASCII,
)
_SENTENCES = {
    "invalid perl operator": "RE2 knows no lookaround, and no atomic or conditional groups; say it with another "
    "matcher, such as != or !~",
    "bad repetition operator": "a repetition cannot be repeated; put the inner one in (?:…)",
    "no argument for repetition operator": r"a repetition has nothing before it; write \ before the character to mean "
    "itself",
    "missing )": "this ( has no ) after it",
    "missing ]": "this [ has no ] after it",
    "unexpected )": "this ) has no ( before it",
    "invalid character class range": "it runs backwards, or no class has this name",
    "invalid repetition size": "write the smaller number first; a thousand repetitions are the most",
    "invalid escape sequence": r"it means nothing in RE2, which has no backreferences and writes \z for the end of the "
    r"text; write \\ for a backslash",
    "trailing \\": r"write \\ for a backslash",
}


class PatternError(ValueError):
    """Not an expression of RE2. The text says where, and what would be right."""


Groups = tuple[str | None, ...]  # of a match, by number; 0 is the whole, None is a group that took no part


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression that was read. pattern: as it is written; names: of its groups, in order; "" for a group without
    one. Two may share a name."""

    pattern: str
    names: tuple[str, ...]
    _engine: Any = field(repr=False, compare=False)

    def fullmatch(self, text: str) -> Groups | None:
        """What the groups hold where the whole text matches; None where it does not."""
        found = self._engine.fullmatch(_encodable(text))
        spans = () if found is None else map(found.span, range(len(self.names) + 1))
        return tuple(None if start < 0 else text[start:end] for start, end in spans) or None

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._engine.fullmatch(_encodable(text).encode()) is not None

    def search(self, text: str) -> bool:
        """Whether a part of the text matches."""
        return self._engine.search(_encodable(text).encode()) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """Raises PatternError."""
    return _read(pattern, dot_nl=False)


@lru_cache(maxsize=1024)
def captured(pattern: str) -> Pattern:
    """As compiled; a dot also matches the end of a line, as in Prometheus' relabelling. Raises PatternError."""
    return _read(pattern, dot_nl=True)


def _read(pattern: str, *, dot_nl: bool) -> Pattern:
    options = re2.Options()
    options.log_errors, options.dot_nl = False, dot_nl
    names, parts = [], []
    for name, part in _parts(pattern):
        parts.append(part)
        names.extend([] if name is None else [name])
    try:
        return Pattern(pattern, tuple(names), re2.compile("".join(parts), options))
    except UnicodeEncodeError as error:
        raise PatternError("this is no regular expression: half a pair of surrogates is no character") from error
    except re2.error as error:
        raise PatternError(_sentence(error.args[0], pattern)) from None


def _parts(pattern: str) -> Iterator[tuple[str | None, str]]:
    """The expression in parts, and the name of each group that one opens. Groups are named anew: RE2 takes a name
    once, Go does not mind."""
    for part in _PART.finditer(pattern):
        if part[0] == r"\C":
            raise PatternError(r"\C: Go has no single bytes; write . for a character")
        named = _NAMED.match(part[0]) if part["named"] else None
        yield ("" if part["group"] else None, part[0]) if named is None else (named[1], f"(?P<at{part.start()}>")


def _sentence(said: bytes | str, pattern: str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    fault, _, where = text.partition(": ")
    sentence = _SENTENCES.get(fault, fault)
    return sentence if where in ("", pattern) else f"{where[:100]}: {sentence}"


def _encodable(text: str) -> str:
    """Half a pair of surrogates, which JSON can spell, becomes what Go's reader of JSON makes of it."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)

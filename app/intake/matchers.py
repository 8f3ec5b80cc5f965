"""Alertmanager's matchers: a label, an operator, a value. Rules and the filter of `GET /captures` use them.

There are two grammars, as in Alertmanager since 0.27 in its default mode: the UTF-8 one (its package matcher/parse),
and the classic one (pkg/labels) for texts that only it accepts, such as `foo=` or `foo=~a|b,c`. Where both accept a
text with different meanings, the classic meaning holds."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.intake.re2 import Pattern, PatternError, compiled

OPERATORS = ("=", "!=", "=~", "!~")
_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TOKEN = re.compile(
    rf"""(?P<white>[{_WHITE}]+) | (?P<open>\{{) | (?P<close>\}}) | (?P<comma>,) | (?P<operator>=~|!~|!=|=)
       | (?P<quoted>"(?:[^"\\]|\\.)*") | (?P<bare>[^{_WHITE}{{}}!=~,\\"'`]+)""",
    re.VERBOSE | re.DOTALL,
)
_CLASSIC = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*", re.S
)
_CLASSIC_PART = re.compile(r'(?:"(?:\\.|[^"\\])*(?:"|\\?\Z)|\\[^,]|[^,"])*', re.S)
_CLASSIC_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^"\\]|\\.)*\\?)', re.S)
_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.S)
_CLASSIC_ESCAPE = re.compile(r"""\\([n"\\])""")
_LETTERS = dict(zip(b'abfnrtv\\"', b'\a\b\f\n\r\t\v\\"', strict=True))


class MatcherError(ValueError):
    """The text is a sentence with the position and the remedy. position: in characters, from 1."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"at character {position}: {message}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matches a set of labels. A missing label has the value "". A regular expression has to match the whole value."""

    name: str
    op: str  # one of OPERATORS
    value: str
    _regex: Pattern | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.op in ("=~", "!~"):
            object.__setattr__(self, "_regex", compiled(self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil this matcher."""
        value = labels.get(self.name, "")
        same = value == self.value if self._regex is None else self._regex.matches(value)
        return same is (self.op in ("=", "=~"))

    def __str__(self) -> str:
        name = self.name if _PLAIN_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def parse_matcher(text: str) -> Matcher:
    """The only matcher in `text`. Raises MatcherError, also for several."""
    found = parse_matchers(text)
    if len(found) != 1:
        raise MatcherError(1, f"one matcher is expected here, not {len(found)}; write one a line")
    return found[0]


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers in a list, with or without braces and a trailing comma. Raises MatcherError."""
    try:
        modern = _modern(text)
    except MatcherError as refusal:
        try:
            return _classic(text)
        except MatcherError:
            raise refusal from None
    try:
        return _classic(text)
    except MatcherError:
        return modern


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise MatcherError(at + 1, _stray(text[at]))
        if found.lastgroup != "white":
            tokens.append(_Token(str(found.lastgroup), found[0], at + 1))
        at = found.end()
    return [*tokens, _Token("end", "the end", len(text) + 1)]


def _stray(char: str) -> str:
    if char == '"':
        return 'this " is never closed; close it, or write \\" for a quote inside quotes'
    return f"{char} cannot stand here; put the name or value in double quotes"


def _modern(text: str) -> tuple[Matcher, ...]:
    tokens = iter(_tokens(text))
    found, token = [], next(tokens)
    if braced := token.kind == "open":
        token = next(tokens)
    while token.kind not in ("close", "end"):
        found.append(_matcher(token, tokens))
        token = next(tokens)
        if token.kind not in ("comma", "close", "end"):
            raise MatcherError(token.at, f"{token.text} follows a matcher; put a comma between, or quote the value")
        if token.kind == "comma":
            token = next(tokens)
    _closed(braced, token, tokens)
    return tuple(found)


def _closed(braced: bool, token: _Token, rest: Iterator[_Token]) -> None:
    if braced and token.kind != "close":
        raise MatcherError(token.at, "the { at the beginning has no } at the end")
    if not braced and token.kind == "close":
        raise MatcherError(token.at, "this } has no { at the beginning")
    if token.kind == "close" and (more := next(rest)).kind != "end":
        raise MatcherError(more.at, f"{more.text} follows the closing }}; leave it out")


def _matcher(name: _Token, rest: Iterator[_Token]) -> Matcher:
    if name.kind not in ("bare", "quoted"):
        raise MatcherError(name.at, f'a label\'s name is expected here, not {name.text}; write name="value"')
    operator = next(rest)
    if operator.kind != "operator":
        raise MatcherError(operator.at, f"one of {' '.join(OPERATORS)} is expected here, not {operator.text}")
    value = next(rest)
    if value.kind not in ("bare", "quoted"):
        raise MatcherError(value.at, f'a value is expected here, not {value.text}; write "" for an empty one')
    return _made(_unquoted(name), operator.text, _unquoted(value), name.at, value.at)


def _made(name: str, operator: str, value: str, name_at: int, value_at: int) -> Matcher:
    if not name:
        raise MatcherError(name_at, "a label's name cannot be empty")
    try:
        return Matcher(name, operator, value)
    except PatternError as error:
        raise MatcherError(value_at, f"in the regular expression: {error}") from error


def _unquoted(token: _Token) -> str:
    """The value of a Go string literal; its escapes may spell UTF-8 byte by byte."""
    if token.kind == "bare":
        return token.text
    if "\n" in token.text:
        raise MatcherError(token.at, "a line ends inside quotes; write \\n")
    try:
        return _ESCAPE.sub(lambda found: _escaped(found, token), token.text[1:-1].encode()).decode()
    except UnicodeError as error:
        raise MatcherError(token.at, f"{token.text} is not UTF-8; spell the character itself or as \\uXXXX") from error


def _escaped(found: re.Match[bytes], token: _Token) -> bytes:
    byte, octal, short, long, letter = found.groups()
    if byte or (octal and int(octal, 8) < 256):
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    if (short or long) and int(short or long, 16) <= sys.maxunicode:
        return chr(int(short or long, 16)).encode()
    if letter and letter[0] in _LETTERS:
        return bytes([_LETTERS[letter[0]]])
    raise MatcherError(token.at, f"{token.text} has the unknown escape {found[0].decode()}; write \\\\ for a backslash")


def _classic(text: str) -> tuple[Matcher, ...]:
    inner = text.removeprefix("{").removesuffix("}")
    parts, at = [], 0
    while at <= len(inner):
        part = _CLASSIC_PART.match(inner, at)
        parts.append(part[0] if part else "")
        at += len(parts[-1]) + 1
    if not parts[-1].strip():
        parts.pop()
    return tuple(_classic_matcher(part) for part in parts)


def _classic_matcher(part: str) -> Matcher:
    found = _CLASSIC.fullmatch(part)
    value = _CLASSIC_VALUE.fullmatch(found[3]) if found else None
    if found is None or value is None:
        raise MatcherError(1, f'{part} is no matcher; write name="value"')
    escaped = value[1] if value[1] is not None else value[2]
    return _made(found[1], found[2], _CLASSIC_ESCAPE.sub(_classic_escaped, escaped), 1, 1)


def _classic_escaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _quoted(text: str) -> str:
    """The text in quotes, with the three escapes that both grammars have."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

"""Secrets in what a host tells are replaced before anything is stored, logged or shown.

Command lines, log lines and the labels of goroutines go through here. Only a secret's value is replaced, by
`[redacted]`; the rest stays byte for byte. A rule is an expression of RE2, which takes linear time whatever the text
is; its groups are the values, and without a group the whole match is one. docs/redaction.md lists what is recognised.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

MARK = b"[redacted]"

# Ends of names: of flags, variables, keys and headers. Those of _WORDS must not follow a letter or digit of a name.
_ENDINGS = (
    r"pass(?:word|wd|phrase|code)|passwort|secret|token|credentials?|creds|cookie|secret_key_base"
    r"|(?:api|access|secret|private|auth|account|encryption|signing|master|shared|storage)[_.-]?key"
)
_WORDS = r"pass|pwd|pw"
_CAMEL = r"(?-i:[a-z0-9](?:Pass|Pwd|Key))"
_NUMBER = r"(?:[_-]?\d{1,2})?"

_QUOTED = r'\\"((?:[^"\\\n]|\\\\(?:\\.)?)*)|"((?:[^"\\\n]|\\.)*)|\'((?:[^\'\\\n]|\\.)*)'
_BARE = r"""([^\s"'&]*[^\s"'&,;)\]}>])"""
_BETWEEN = r"""\\?["']?[ \t]{0,3}(?:=>?|:=?)[ \t]{0,3}\[?"""

_ALWAYS = (
    r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(.*?)(?:-----END|\z)",
    # the end of one whose beginning was cut off: lines that are long words, and a last one
    r"((?:[^\n]*[A-Za-z0-9+/]{48}[^\n]*\n)+(?:[^\n]*\n)?[^\n]*)-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----",
    # Headers have blanks in their values.
    r"(?i)authorization\\?[\"']?[ \t]{0,3}[=:][ \t]{0,3}[\"'\[\\]{0,4}"
    r"(?:(?:digest|hawk|oauth|aws4-hmac-sha256)[ \t]+([^\n]+)"
    r"|(?:(?:bearer|basic|token|apikey|negotiate|ntlm)[ \t]+)?([^\s\"'\\,;\]]+))",
    r"(?i)(?:^|[^a-z0-9_.])(?:set-)?cookie2?\\?[\"']?[ \t]{0,3}[=:][ \t]{0,3}[\"'\[\\]{0,4}([^\"'\\\]\n]+)",
    r"(?i)\bbearer[ \t]+([a-z0-9._~+/=-]{16,})",
    # user:password in addresses, and as Go's driver for MySQL has it
    r"""(?i)\b[a-z][a-z0-9+.-]*://[^\s/?#"'@:]*:([^\s/?#"']+)@""",
    r"""(?i)[^\s:/@"'=]+:([^\s"']+)@(?:tcp|tcp4|tcp6|unix|udp)?\(""",
    # what is known by its form
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{35})",
    r"\b(?:[sr]k_(?:live|test)_\w{10,}|sk-[\w-]{20,}|npm_\w{30,}|hvs\.[\w-]{20,}|dop_v1_\w{20,})",
)


@dataclass(frozen=True, slots=True)
class Redaction:
    """The rules in force: what is always recognised, and what the configuration adds.

    names: further names of flags, variables, keys and headers whose values are secret
    patterns: further expressions of RE2. Raises ValueError for one that is none
    """

    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    _rules: tuple[Any, ...] = field(init=False, repr=False, compare=False)
    _flag: Any = field(init=False, repr=False, compare=False)
    _assigned: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = "".join(f"|{re2.escape(name)}" for name in self.names)
        name = rf"(?:{_ENDINGS}|{_CAMEL}|(?:^|[^a-z0-9])(?:{_WORDS}{own})|[_.-]key){_NUMBER}"
        flag = rf"--?(?:[a-z0-9_.-]*(?:{name}|authorization)|(?:{_WORDS}|key{own}))"
        given = rf"""\\?["']?(?:,[ \t]{{0,3}}|[ \t]{{1,3}})(?:{_QUOTED}|([^\s"'-][^\s"']*))"""
        rules = (
            *_ALWAYS,
            rf"(?i){name}{_BETWEEN}(?:{_QUOTED}|{_BARE})",
            rf"(?i)(?:^|[\s\"'=\[,(]){flag}{given}",
            *self.patterns,
        )
        object.__setattr__(self, "_rules", tuple(map(expression, rules)))
        object.__setattr__(self, "_flag", expression(rf"(?i)^{flag}$"))
        object.__setattr__(
            self, "_assigned", expression(rf"(?i)^(?:[a-z0-9_.-]*{name}|-{{0,2}}(?:key{own}))[=:][ \t]*")
        )

    def command(self, words: Sequence[str]) -> str:
        """A command line in one line. A secret ends with its word, whatever characters it has."""
        shown, secret = list[str](), False
        for word in words:
            hidden, secret = secret and not word.startswith("-"), self._flag.search(word) is not None
            shown.append(MARK.decode() if hidden else self._word(word))
        return " ".join(shown)

    def text(self, text: str) -> str:
        """A text of one or several lines."""
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def data(self, text: bytes) -> bytes:
        """The same in bytes, which need not be UTF-8."""
        for rule in self._rules:
            text = b"".join(_replaced(rule, text))
        return text

    def dump(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines of a goroutine dump. Only their labels are looked at: `goroutine 1 [running] {user: "bob"}:`, as
        Go prints them since 1.27, and `# labels: {"user":"bob"}`, where equal stacks are counted. Where such a line
        comes in pieces, only the first one is kept: nobody can tell where a secret ends."""
        cut = False
        for line in lines:
            piece, cut = cut, not line.endswith(b"\n")
            if not piece:
                labelled = line.startswith(b"# labels:") or (line.startswith(b"goroutine ") and b"] {" in line)
                yield self.data(line) if labelled else line
            elif not labelled:
                yield line
            elif not cut:
                yield MARK + b"\n"

    def _word(self, word: str) -> str:
        if (name := self._assigned.search(word)) is not None:
            return word[: name.end()] + MARK.decode()
        return self.text(word)


def expression(pattern: str) -> Any:
    """The compiled expression of RE2. Raises ValueError for what is none, or takes too much memory."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else error
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        raise ValueError(f"{pattern!r} is no expression of RE2: {said}") from None


def _replaced(rule: Any, text: bytes) -> Iterator[bytes]:
    """The text in pieces, with a mark for each value that the rule finds."""
    done = 0
    for found in rule.finditer(text):
        start, end = next((found.span(n) for n in range(1, rule.groups + 1) if found.start(n) >= 0), found.span())
        if start == end or text[start:end].strip(b"[]") == MARK.strip(b"[]"):
            continue
        yield text[done:start]
        yield MARK
        done = end
    yield text[done:]


BUILT_IN = Redaction()

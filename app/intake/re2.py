"""Go's regular expressions, meant the same by Python: what matchers (and Prometheus relabelling) are written in.

`compiled` answers one question, whether a pattern matches a whole text; `captured` also what its groups hold then.
What Python means otherwise is respelt (`$`, `\\z`, `\\s`, `\\Q…\\E`, `[[:alpha:]]`, `(?U)`, a flag in the middle,
`a{,3}`, names of groups); what RE2 refuses and Python would take (lookaround, backreferences, `a++`) is refused.
The syntax is https://github.com/google/re2/wiki/Syntax in the dialect of Go's package regexp/syntax. Two known
differences: under (?i), \\w and \\W know nothing of K, the sign for kelvin, that RE2 folds with k; and where a group
is repeated that may match nothing, as in `(a*)*`, the groups may hold another of its rounds.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

# Each class as the ends of its ranges, in order.
_POSIX = {
    "alnum": "09AZaz",
    "alpha": "AZaz",
    "ascii": "\x00\x7f",
    "blank": "\t\t  ",
    "cntrl": "\x00\x1f\x7f\x7f",
    "digit": "09",
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "\t\r  ",
    "upper": "AZ",
    "word": "09AZ__az",
    "xdigit": "09AFaf",
}
_PERL = {"d": _POSIX["digit"], "s": "\t\n\f\r  ", "w": _POSIX["word"]}  # RE2's \s is without \v
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAMED = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>")
_CODE_POINT = re.compile(r"x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_NAMED_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
_MOST_REPEATS = 1000


class PatternError(ValueError):
    """Not a pattern of RE2, or one that cannot be meant the same here. `at`: offset in the pattern, from 0."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Captured:
    """A pattern for `fullmatch`, and the names of its groups in their order: "" for none, and two may share one."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """Of Go's spelling a pattern for `fullmatch`. Raises PatternError."""
    return _captured(pattern, 0).pattern


@lru_cache(maxsize=1024)
def captured(pattern: str) -> Captured:
    """The same with its groups, and a dot means a line's end too, as in Prometheus. Raises PatternError."""
    return _captured(pattern, re.DOTALL)


def _captured(pattern: str, flags: int) -> Captured:
    translation = _Translation(pattern)
    try:
        return Captured(re.compile(translation.whole(), flags), tuple(translation.names))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(0, f"this is no regular expression: {error}") from error


class _Translation:
    """One walk over a pattern; `self.at` is where it stands."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.multiline = self.ungreedy = False
        self.names: list[str] = []

    def whole(self) -> str:
        spelt = self.alternatives()
        if self.at < len(self.pattern):
            raise PatternError(self.at, "this ) has no ( before it")
        return spelt

    def alternatives(self) -> str:
        """Up to the group's end. A flag in the middle, (?i), holds for the rest of the group, over every |."""
        spelt, opened, outside = "", "", (self.multiline, self.ungreedy)
        while not self.ended() and self.pattern[self.at] != ")":
            if self.pattern[self.at] == "|":
                self.at += 1
                spelt += ")" * opened.count("(") + "|" + opened
            elif (flags := _FLAGS.match(self.pattern, self.at)) and flags[3] == ")":
                self.at = flags.end()
                group = self.flags(flags)
                spelt, opened = spelt + group, opened + group
            else:
                spelt += self.repeated()
        self.multiline, self.ungreedy = outside
        return spelt + ")" * opened.count("(")

    def ended(self) -> bool:
        return self.at >= len(self.pattern)

    def flags(self, flags: re.Match[str]) -> str:
        """The opening of a group under these flags; Python keeps i and s, `$` and `^` carry m, repetitions U."""
        on, off = flags[1], flags[2] or ""
        if "m" in on + off:
            self.multiline = "m" in on and "m" not in off
        if "U" in on + off:
            self.ungreedy = "U" in on and "U" not in off
        on = "".join(flag for flag in "is" if flag in on and flag not in off)
        off = "".join(flag for flag in "is" if flag in off)
        return f"(?{on}{'-' + off if off else ''}:"

    def repeated(self) -> str:
        start = self.at
        if self.repetition():
            raise PatternError(start, f"nothing stands before {self.pattern[start : self.at]} to be repeated")
        atom = self.atom()
        times = self.repetition()
        if times and self.repetition():
            raise PatternError(self.at - 1, "a repetition cannot be repeated; put the inner one in (?:…)")
        return atom + times

    def repetition(self) -> str:
        """The operator here, with a ? if it is lazy; "" if there is none."""
        if self.ended():
            return ""
        operator = self.pattern[self.at]
        if operator == "{" and (counted := _REPEAT.match(self.pattern, self.at)):
            operator = self.counted(counted)
        elif operator not in "*+?":
            return ""
        else:
            self.at += 1
        lazy = self.pattern.startswith("?", self.at)
        self.at += lazy
        return operator + "?" * (lazy != self.ungreedy)

    def counted(self, counted: re.Match[str]) -> str:
        least, most = int(counted[1]), int(counted[3] or counted[1])
        if max(least, most) > _MOST_REPEATS or most < least:
            raise PatternError(self.at, f"{counted[0]} is no range of repeats up to {_MOST_REPEATS}")
        self.at = counted.end()
        return counted[0]

    def atom(self) -> str:
        char = self.pattern[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == "\\":
            return self.escape()
        self.at += 1
        if char == "^":
            return "(?m:^)" if self.multiline else r"(?:\A)"
        if char == "$":
            return "(?m:$)" if self.multiline else r"(?:\Z)"
        return char if char == "." else re.escape(char)

    def group(self) -> str:
        start, outside = self.at, (self.multiline, self.ungreedy)
        if (named := _NAMED.match(self.pattern, start)) is not None:
            self.at, opening = named.end(), "("
            self.names.append(named[1])
        elif (flags := _FLAGS.match(self.pattern, start)) is not None:
            self.at, opening = flags.end(), self.flags(flags)
        elif self.pattern.startswith("(?", start):
            raise PatternError(
                start,
                f"{self.pattern[start : start + 4]} is not known to RE2 (no lookaround, no atomic or conditional "
                "groups); say it with another matcher, such as != or !~",
            )
        else:
            self.at, opening = start + 1, "("
            self.names.append("")
        inner = self.alternatives()
        if self.ended():
            raise PatternError(start, "this ( has no ) after it")
        self.at += 1
        self.multiline, self.ungreedy = outside
        return f"{opening}{inner})"

    def escape(self) -> str:
        char = self.pattern[self.at + 1 : self.at + 2]
        if char == "Q":
            return self.quotation()
        if (known := self.perl_class()) is not None:
            return f"[{known}]"
        if (assertion := {"A": r"(?:\A)", "z": r"(?:\Z)", "b": r"(?a:\b)", "B": r"(?!(?a:\b))"}.get(char)) is not None:
            self.at += 2
            return assertion
        return re.escape(self.literal())

    def quotation(self) -> str:
        r"""\Q…\E; a repetition after it is of its last character."""
        quoted, closing, _ = self.pattern[self.at + 2 :].partition(r"\E")
        if not quoted or not closing:
            raise PatternError(self.at, r"\Q begins a quotation of one character or more that \E ends")
        self.at += 2 + len(quoted) + len(closing)
        return re.escape(quoted)

    def perl_class(self) -> str | None:
        r"""What \d, \S and their like have inside […], if one stands here."""
        char = self.pattern[self.at + 1 : self.at + 2]
        if self.pattern[self.at] != "\\" or char.lower() not in _PERL:
            return None
        self.at += 2
        return _ranges(_PERL[char.lower()], but=char.isupper())

    def literal(self) -> str:
        """The character that an escape stands for, in a class or outside."""
        start = self.at
        char = self.pattern[start + 1 : start + 2]
        if (point := _CODE_POINT.match(self.pattern, start + 1)) is not None:
            self.at = point.end()
            value = int(point[3], 8) if point[3] else int(point[1] or point[2], 16)
            if value > 0x10FFFF:
                raise PatternError(start, f"\\{point[0]} is beyond the last character, \\x{{10FFFF}}")
            return chr(value)
        self.at += 2
        if char in _CONTROL:
            return _CONTROL[char]
        if char.isascii() and char and not char.isalnum():
            return char
        raise PatternError(start, _unknown(char))

    def char_class(self) -> str:
        start = self.at
        self.at += 2 if self.pattern.startswith("[^", start) else 1
        spelt, first = "", True
        while first or not self.pattern.startswith("]", self.at):
            if self.ended():
                raise PatternError(start, "this [ has no ] after it")
            spelt += self.member()
            first = False
        self.at += 1
        return f"[^{spelt}]" if self.pattern.startswith("[^", start) else f"[{spelt}]"

    def member(self) -> str:
        """A named class, an escape, a character or a range of them."""
        start = self.at
        if (posix := _NAMED_CLASS.match(self.pattern, start)) is not None:
            if posix[2] not in _POSIX:
                raise PatternError(start, f"[:{posix[2]}:] is no class; there are {', '.join(_POSIX)}")
            self.at = posix.end()
            return _ranges(_POSIX[posix[2]], but=bool(posix[1]))
        if (known := self.perl_class()) is not None:
            return known
        low = self.char()
        if self.pattern.startswith("-", self.at) and self.pattern[self.at + 1 : self.at + 2] not in ("", "]"):
            self.at += 1
            high = self.char()
            if high < low:
                raise PatternError(start, f"the range {self.pattern[start : self.at]} runs backwards")
            return f"{_in_class(low)}-{_in_class(high)}"
        return _in_class(low)

    def char(self) -> str:
        if self.pattern[self.at] == "\\":
            return self.literal()
        self.at += 1
        return self.pattern[self.at - 1]


def _ranges(ends: str, *, but: bool) -> str:
    """Ranges as they are spelt in […], or all characters but those."""
    points = [ord(end) for end in ends]
    if but:
        points = [0, *(point + (1 if i % 2 else -1) for i, point in enumerate(points)), 0x10FFFF]
    pairs = zip(points[::2], points[1::2], strict=True)
    return "".join(f"{_in_class(chr(low))}-{_in_class(chr(high))}" for low, high in pairs if low <= high)


def _in_class(char: str) -> str:
    return f"\\U{ord(char):08x}" if char not in "_" and not char.isalnum() else char


def _unknown(char: str) -> str:
    if not char:
        return "the pattern ends after a backslash"
    if char in "123456789":
        return f"\\{char}: RE2 has no backreferences"
    if char in "pP":
        return f"\\{char}: classes of Unicode are not supported here; name the characters in […]"
    if char == "Z":
        return "\\Z is Python's spelling; write \\z"
    return f"\\{char} means nothing in RE2; write \\\\ for a backslash"

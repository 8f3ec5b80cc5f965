"""Go's regular expressions with the same meaning in Python. Matchers and relabelling are written in them.

`compiled` says whether a pattern matches a whole text; `captured` also says what its groups hold. What Python reads
differently is respelt: `$`, `\\z`, `\\s`, `\\Q…\\E`, `[[:alpha:]]`, `(?U)`, a flag in the middle, `a{,3}`, names of
groups. What RE2 refuses and Python would accept (lookaround, backreferences, `a++`) is refused.

The syntax is https://github.com/google/re2/wiki/Syntax in the dialect of Go's package regexp/syntax. There are two
known differences. Under (?i), RE2 folds the Kelvin sign K with k; \\w and \\W do not here. Where a group that can
match nothing is repeated, as in `(a*)*`, the groups may hold the text of another round.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from app.intake.re2_characters import CharacterReader, PatternError

_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAMED = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>")
_MOST_REPEATS = 1000


@dataclass(frozen=True, slots=True)
class Captured:
    """A pattern for `fullmatch`. `names`: of its groups, in order; "" for a group without one. Two may share a name."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern for `fullmatch`, made of Go's spelling. Raises PatternError."""
    return _captured(pattern, 0).pattern


@lru_cache(maxsize=1024)
def captured(pattern: str) -> Captured:
    """As compiled, with its groups; a dot also matches the end of a line, as in Prometheus. Raises PatternError."""
    return _captured(pattern, re.DOTALL)


def _captured(pattern: str, flags: int) -> Captured:
    translation = _Translation(pattern)
    try:
        return Captured(re.compile(translation.whole(), flags), tuple(translation.names))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(0, f"this is no regular expression: {error}") from error


class _Translation(CharacterReader):
    """One walk over a pattern."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.multiline = self.ungreedy = False
        self.names: list[str] = []

    def whole(self) -> str:
        spelt = self.alternatives()
        if self.at < len(self.pattern):
            raise PatternError(self.at, "this ) has no ( before it")
        return spelt

    def alternatives(self) -> str:
        """Up to the end of the group. A flag in the middle, (?i), holds for the rest of the group, across every |."""
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

    def flags(self, flags: re.Match[str]) -> str:
        """The opening of a group with these flags. Python has i and s; m changes `$` and `^`, U changes repetitions."""
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
        """The repetition operator at this place, with a ? if it is lazy; "" if there is none."""
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
        r"""\Q…\E. A repetition after it repeats its last character."""
        quoted, closing, _ = self.pattern[self.at + 2 :].partition(r"\E")
        if not quoted or not closing:
            raise PatternError(self.at, r"\Q begins a quotation of one character or more that \E ends")
        self.at += 2 + len(quoted) + len(closing)
        return re.escape(quoted)

"""Characters in Go's regular expressions: escapes, Perl's classes and [...], respelt for Python. For re2.py.

The syntax is https://github.com/google/re2/wiki/Syntax in the dialect of Go's package regexp/syntax.
"""

import re

# Each class as the two ends of each of its ranges, in order.
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
_CODE_POINT = re.compile(r"x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_NAMED_CLASS = re.compile(r"\[:(\^?)(\w+):\]")


class PatternError(ValueError):
    """Not a pattern of RE2, or one that cannot have the same meaning here. `at`: offset in the pattern, from 0."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class CharacterReader:
    """Reads the characters of `pattern` from offset `at` on. Each method moves `at` behind what it has read."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def ended(self) -> bool:
        return self.at >= len(self.pattern)

    def perl_class(self) -> str | None:
        r"""What \d, \S and the like have inside […]; None if none of them is at this place."""
        char = self.pattern[self.at + 1 : self.at + 2]
        if self.pattern[self.at] != "\\" or char.lower() not in _PERL:
            return None
        self.at += 2
        return _ranges(_PERL[char.lower()], but=char.isupper())

    def literal(self) -> str:
        """The character that the escape at this place stands for, in a class or outside."""
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
        """The whole of […]."""
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
        """One member of […]: a named class, an escape, a character or a range."""
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
        """One character, which may be spelt as an escape."""
        if self.pattern[self.at] == "\\":
            return self.literal()
        self.at += 1
        return self.pattern[self.at - 1]


def _ranges(ends: str, *, but: bool) -> str:
    """The ranges as they are spelt in […]. but: all characters except those of the ranges."""
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

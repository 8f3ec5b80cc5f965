"""Packed numbers that count from 1: do they go too far? For samples.py.

The bytes of a packed number are its digits to the base of 128, the lowest first; all but the last have 128 more.
"""

import re
from collections.abc import Sequence
from typing import Final

TWO_DIGITS: Final = 1 << 14
PIECE: Final = 1 << 13  # texts that are looked at together


def all_up_to(most: int, texts: Sequence[bytes]) -> bool:
    """Whether all packed numbers in these texts are from 1 to `most`. False also for some that are written oddly."""
    if most >= TWO_DIGITS:
        return all(map(re.compile(_up_to(most)).fullmatch, texts))
    short = _Short(most)
    return all(short.holds(texts[at : at + PIECE]) for at in range(0, len(texts), PIECE))


class _Short:
    """Numbers of two digits at most: searched for what is too large, in a tenth of the time of reading them.

    The bytes become letters: `+` is not the last digit, `>` is a last one that is too high, `<` one that is not; and
    `x=` are the two digits of a number that has the highest last digit and a lower one that is too high for it.
    """

    def __init__(self, most: int) -> None:
        low, high = most & 127, most >> 7
        highest = high or most
        self._letters = bytes(
            map(ord, ("+" if b > 127 else ">" if b > highest or (high and not b) else "<" for b in range(256)))
        )
        self._pairs = bytes(map(ord, ("x" if b > 128 + low else "=" if b == high else "<" for b in range(256))))
        self._bad = (b"+>", b"++") if high else (b"+", b">")

    def holds(self, texts: Sequence[bytes]) -> bool:
        """Whether they are all such numbers. A 0 in them would look like one of those that separate the texts."""
        joined = b"\0".join(texts) + b"\0"
        if joined.count(0) != len(texts):
            return False
        letters = joined.translate(self._letters)
        return not any(bad in letters for bad in self._bad) and b"x=" not in joined.translate(self._pairs)


def _up_to(most: int) -> bytes:
    """A pattern of packed numbers from 1 to `most`. It takes a fifth of the time of reading them."""
    digits = [most >> shift & 127 for shift in range(0, max(most.bit_length(), 1), 7)]
    last = len(digits) - 1
    lowest = [128] * last + [1]
    highest = [digit + 128 for digit in digits[:-1]] + digits[-1:]
    any_low = rb"[\x80-\xff]"
    forms = [any_low * shorter + rb"[\x01-\x7f]" for shorter in range(last)]
    for at in range(last + 1):  # less than `most` at this digit, and the same at all above
        high = highest[at] - (at > 0)
        if lowest[at] <= high:
            same = b"".join(rb"\x%02x" % digit for digit in highest[at + 1 :])
            forms.append(any_low * at + rb"[\x%02x-\x%02x]" % (lowest[at], high) + same)
    return rb"(?:%s)*+" % b"|".join(reversed(forms))

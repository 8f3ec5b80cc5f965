"""Numbers of variable length in DWARF (LEB128). Source: DWARF 5, 7.6."""

from typing import Final

LONGEST: Final = 1024  # bytes; more than any tool pads a number to


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends. Raises IndexError at the end of the data, and for a number
    without end."""
    value = data[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    for shift in range(7, 7 * LONGEST, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << min(shift, 70)
        if byte < 128:
            return value & (1 << 64) - 1, at
    raise IndexError("a number without end")


def signed(data: bytes, at: int) -> tuple[int, int]:
    """The same for one that may be negative."""
    begin = at
    value, at = unsigned(data, at)
    bits = 7 * (at - begin)
    return (value - (1 << bits) if bits < 64 and value >> bits - 1 else value), at

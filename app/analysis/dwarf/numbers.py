"""Numbers of variable length in DWARF (LEB128). Source: DWARF 5, 7.6."""


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends. Raises IndexError at the end of the data."""
    value = data[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, at
        shift = min(shift + 7, 70)


def signed(data: bytes, at: int) -> tuple[int, int]:
    """The same for one that may be negative."""
    begin = at
    value, at = unsigned(data, at)
    bits = 7 * (at - begin)
    return (value - (1 << bits) if bits < 64 and value >> bits - 1 else value), at

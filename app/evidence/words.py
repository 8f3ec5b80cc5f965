"""Numbers in words, for the timeline and findings. Pure."""

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(amount: int) -> str:
    """`512 MiB` or `1.5 GiB` of a number of bytes."""
    value, unit = float(amount), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.{0 if value >= 10 or unit == 0 else 1}f} {UNITS[unit]}"

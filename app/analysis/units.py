"""Numbers as `go tool pprof` prints them: 1.83s, 10.09MB, 512kB, 8.77%. For the pages and the command line.

The rules, factors and spellings are those of github.com/google/pprof/internal/measurement.
"""

from collections.abc import Mapping, Sequence
from typing import Final

NEUTRAL: Final = frozenset({"count", "sample", "unit", "minimum", "auto"})  # printed without a unit
ALIASES: Final[Sequence[Mapping[str, str]]] = (
    {
        **dict.fromkeys(("b", "byte"), "B"),
        **dict.fromkeys(("kb", "kbyte", "kilobyte"), "kB"),
        **dict.fromkeys(("mb", "mbyte", "megabyte"), "MB"),
        **dict.fromkeys(("gb", "gbyte", "gigabyte"), "GB"),
        **dict.fromkeys(("tb", "tbyte", "terabyte"), "TB"),
        **dict.fromkeys(("pb", "pbyte", "petabyte"), "PB"),
    },
    {
        **dict.fromkeys(("ns", "nanosecond"), "ns"),
        **dict.fromkeys(("μs", "us", "microsecond"), "us"),
        **dict.fromkeys(("ms", "millisecond"), "ms"),
        **dict.fromkeys(("s", "sec", "second"), "s"),
        **dict.fromkeys(("hour", "hr"), "hrs"),
    },
)
FACTORS: Final[Mapping[str, float]] = {
    **{name: float(1 << (10 * power)) for power, name in enumerate(("B", "kB", "MB", "GB", "TB", "PB"))},
    **{"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "hrs": 3600e9},
}
SMALLEST: Final = ("B", "s")  # the unit of 0, per family


def format_value(value: int, unit: str, shown_in: str = "auto") -> str:
    """`value`, in the profile's `unit`, as pprof prints it: in a suitable unit, or in `shown_in`."""
    amount, symbol = _scaled(value, unit, shown_in)
    text = f"{amount:.2f}".removesuffix(".00")
    return "0" if text in ("0", "-0") else text + symbol


def format_percent(percent: float) -> str:
    """A share of the total as pprof prints it: two decimals from 1% on, two digits below."""
    if 99.95 <= percent <= 100.05:
        return "100%"
    return f"{percent:.2f}%" if percent >= 1 else f"{percent:.2g}%"


def common_unit(values: Sequence[int], total: int, unit: str) -> str:
    """The unit in which `pprof -top` prints a table: one that suits its smallest value, or a hundredfold of it."""
    if not values:
        return "auto"
    smallest = min(abs(value) for value in values)
    chosen = _scaled(smallest, unit, "auto")[1]
    if chosen != _scaled(total, unit, "auto")[1] and smallest * 100 < total:
        chosen = _scaled(100 * smallest, unit, "auto")[1]
    return chosen or unit


def _scaled(value: int, unit: str, shown_in: str) -> tuple[float, str]:
    if value < 0:
        amount, symbol = _scaled(-value, unit, shown_in)
        return -amount, symbol
    for family, smallest in zip(ALIASES, SMALLEST, strict=True):
        if (known := _symbol(family, unit)) is not None:
            base = value * FACTORS[known]
            symbol = _symbol(family, shown_in) or _fitting(family, base) or smallest
            return base / FACTORS[symbol], symbol
    return float(value), "" if shown_in in NEUTRAL else shown_in


def _symbol(family: Mapping[str, str], unit: str) -> str | None:
    lowered = unit.lower()
    return family.get(lowered.removesuffix("s") if len(lowered) > 2 else lowered)


def _fitting(family: Mapping[str, str], base: float) -> str | None:
    return max((s for s in family.values() if base >= FACTORS[s]), key=lambda s: FACTORS[s], default=None)

"""A table of functions as `go tool pprof -top` prints it, for tests that compare the two."""

from app.analysis.top import Top
from app.analysis.units import format_percent, format_value


def table(top: Top, shown_in: str) -> list[str]:
    """The lines below the header. shown_in: the unit."""
    lines = []
    for row in top.rows:
        flat, cum = (format_value(value, top.unit, shown_in) for value in (row.flat, row.cum))
        shares = [f"{format_percent(share):>6}" for share in (row.flat_percent, row.sum_percent, row.cum_percent)]
        lines.append(f"{flat:>10} {shares[0]} {shares[1]} {cum:>10} {shares[2]}  {row.function}")
    return lines

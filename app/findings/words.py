"""How findings write numbers and names."""

from collections.abc import Iterable, Sequence

from app.analysis.charges import Charge
from app.analysis.owners import short
from app.analysis.units import format_value
from app.findings.thresholds import CALLER


def percent(share: float) -> str:
    """`63 %`."""
    return f"{share * 100:.0f} %"


def size(value: float) -> str:
    """Bytes, as pprof writes them."""
    return format_value(round(value), "bytes")


def past(value: float, threshold: float) -> str:
    """How far a share lies past its threshold."""
    return f"{value / threshold:.1f} times the threshold of {percent(threshold)}"


def names(path: Sequence[str]) -> str:
    """A path in one line."""
    return " > ".join(map(short, path))


def caller(path: Sequence[str]) -> str:
    """`, called by cart.(*Cart).Add`; "" for an entry point."""
    return f", called by {short(path[-2])}" if len(path) > 1 else ""


def concerned(path: Sequence[str], *first: str) -> tuple[str, ...]:
    """The functions of a finding: those that are given, then those of the path from its end, at most six."""
    return tuple(dict.fromkeys(name for name in (*first, *reversed(path)) if name and name != "…"))[:6]


def main_callers(charge: Charge, everyone: Iterable[Charge]) -> tuple[str, ...]:
    """The functions on the charge's path through which most of its cost comes, itself last."""
    cums = {each.function: each.cum for each in everyone}
    return tuple(name for name in charge.path if cums.get(name, 0) >= CALLER * charge.cum)

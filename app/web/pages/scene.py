"""What is at the top of a capture's page: the verdict in one sentence, the phases as a bar, and which captures of the
same service came before and after.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.analysis.owners import short
from app.analysis.top import Top
from app.analysis.units import format_percent
from app.finding import CRITICAL, INFO, WARNING, Finding
from app.ledger.ledger import Filter
from app.model import Capture
from app.web.languages import _
from app.web.parts import Parts

STRENGTH: Final = {CRITICAL: 0, WARNING: 1, INFO: 2}
NEIGHBOURS: Final = 200  # later captures that are looked through
WIDE: Final = 1000  # of the bar's own coordinates
NARROWEST: Final = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """text: one sentence; function: whom it concerns most, or ""; finding: the one that says so, None where there is
    none; others: the further findings."""

    text: str
    function: str
    finding: Finding | None = None
    others: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the bar. look: a class of the style sheet; x, width: in WIDE."""

    name: str
    look: str
    seconds: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The captures of the same service just before and after, or None."""

    earlier: Capture | None
    later: Capture | None


def verdict(capture: Capture, top: Top | None) -> Verdict | None:
    """The strongest finding, with what it costs; without findings the function that cost most itself."""
    found = sorted(capture.findings, key=lambda each: STRENGTH.get(each.severity, len(STRENGTH)))
    if found:
        first, *others = found
        return Verdict(first.title, first.functions[0] if first.functions else "", first, tuple(others))
    if top and top.rows and top.rows[0].flat:
        row = top.rows[0]
        told = {"function": short(row.function), "share": format_percent(row.flat_percent), "type": top.sample_type}
        return Verdict(_("%(function)s took %(share)s of %(type)s itself", **told), row.function)
    return None


def phases(capture: Capture, now: datetime) -> list[Phase]:
    """Waited, recorded, collected: each as wide as it took long, and none too narrow to be seen."""
    moments = list(_moments(capture, now))
    whole = sum(seconds for _name, _look, seconds in moments) or 1
    shares = [max(seconds / whole * WIDE, NARROWEST) for _name, _look, seconds in moments]
    scale, x, found = WIDE / (sum(shares) or 1), 0.0, []
    for (name, look, seconds), share in zip(moments, shares, strict=True):
        found.append(Phase(name, look, seconds, round(x, 1), round(share * scale, 1)))
        x += share * scale
    return found


def _moments(capture: Capture, now: datetime) -> Iterator[tuple[str, str, float]]:
    end = capture.ended_at or now
    begin, stop = capture.started_at or end, capture.stopped_at or end
    yield _("waited"), "pending", max((begin - capture.created_at).total_seconds(), 0)
    if capture.started_at:
        yield _("recorded"), "recording", max((stop - begin).total_seconds(), 0)
    if capture.stopped_at:
        yield _("collected"), "collecting", max((end - stop).total_seconds(), 0)


def seconds_left(capture: Capture, now: datetime) -> int | None:
    """Of the recording; None while there is none."""
    if capture.started_at is None or capture.stopped_at or capture.state.ended:
        return None
    return max(round((capture.started_at + capture.duration - now).total_seconds()), 0)


def neighbours(parts: Parts, capture: Capture) -> Neighbours:
    """Of the same service."""
    service = capture.target.service if capture.target else ""
    if not service:
        return Neighbours(None, None)
    earlier = parts.ledger.find(Filter(service=service, until=capture.created_at, limit=1)).captures
    later = parts.ledger.find(Filter(service=service, since=capture.created_at, limit=NEIGHBOURS))
    others = [each for each in later.captures if each.id != capture.id]
    return Neighbours(earlier[0] if earlier else None, others[-1] if others and later.next is None else None)

"""The page of one service: its captures over time, findings that come back, and where the time went. Registered by
app/web/asgi.py.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from app.analysis.top import Top
from app.ledger.listing import Filter
from app.model import Capture, Finding, Kind
from app.web.pages import chart
from app.web.pages.capture import result_or_fault
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts
from app.web.profiles import Profiles, profiles_of

LISTED = 50  # captures
COMPARED = 6  # profiles that are read; the last answers are cached
SECONDS = 5.0  # for reading them: a page that has not all of them says so
FUNCTIONS = 12
RETURNS = 2  # captures that show a finding, from which on it comes back


@dataclass(frozen=True, slots=True)
class Returning:
    """A finding that several captures show. last: the newest of them; finding: as it says it."""

    finding: Finding
    count: int
    last: Capture


@dataclass(frozen=True, slots=True)
class OverTime:
    """Shares of the functions, one column a capture, oldest first.

    rows: name, and its flat share of each capture in percent, None where it is not among the top; unread: captures
    whose profile was not read, for lack of time or because of a fault.
    """

    captures: tuple[Capture, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    unread: int


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    """GET /ui/services/{name}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/services/{name:path}")
    def service(name: str) -> str:
        asked = Filter(service=name[:1024], limit=LISTED)
        found = parts.ledger.find(asked)
        if not found.captures:
            raise HTTPException(404, f"There is no capture of a service {name[:200]!r}; / lists all captures.")
        span = chart.span(parts.now(), found.captures[-1].created_at, None)
        counts = parts.ledger.counts_by_time(asked, span.start, span.step, span.steps)
        return page(
            "service.html",
            service=name,
            captures=found.captures,
            more=found.next is not None,
            chart=chart.chart(counts, span, [("service", name)]),
            returning=returning(found.captures),
            over_time=over_time(profiles, found.captures),
        )

    return router


def returning(captures: Sequence[Capture]) -> list[Returning]:
    """Findings of several of the captures, the most frequent first. captures: newest first."""
    seen: dict[tuple[str, str], dict[str, tuple[Finding, Capture]]] = defaultdict(dict)
    for capture in captures:
        for finding in capture.findings:
            seen[finding.code or finding.title, next(iter(finding.functions), "")].setdefault(
                capture.id, (finding, capture)
            )
    again = [(len(by), *next(iter(by.values()))) for by in seen.values() if len(by) >= RETURNS]
    return [Returning(finding, count, last) for count, finding, last in sorted(again, key=lambda each: -each[0])]


def over_time(profiles: Profiles, captures: Sequence[Capture]) -> OverTime:
    """The functions with the largest shares of CPU in the newest captures that have a CPU profile."""
    with_cpu = [each for each in captures if any(file.kind is Kind.CPU for file in profiles_of(each))][:COMPARED]
    ends, read = monotonic() + SECONDS, list[tuple[Capture, Top]]()
    for capture in with_cpu:
        top = _top(profiles, capture) if monotonic() < ends else None
        if top:
            read.insert(0, (capture, top))
    shares = [{row.function: row.flat_percent for row in top.rows} for _, top in read]
    highest = {name: max(share.get(name, 0.0) for share in shares) for share in shares for name in share}
    names = sorted(highest, key=lambda name: -highest[name])[:FUNCTIONS]
    rows = tuple((name, tuple(share.get(name) for share in shares)) for name in names)
    return OverTime(tuple(capture for capture, _ in read), rows, len(with_cpu) - len(read))


def _top(profiles: Profiles, capture: Capture) -> Top | None:
    return result_or_fault(lambda: profiles.top(capture, Kind.CPU, FUNCTIONS))[0]

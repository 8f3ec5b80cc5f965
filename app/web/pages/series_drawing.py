"""Time series as paths of an SVG, with what a capture did meanwhile. For alert_graph.py."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.model import Capture
from app.web.prometheus import Question, Series

WIDE, HIGH = 600, 100  # of the picture's own coordinates
MOST: Final = 10  # series that are drawn
NARROWEST: Final = 3  # of the recording


@dataclass(frozen=True, slots=True)
class Graph:
    """lines: paths of an SVG; left_out: series that are not drawn; most, last: values of all that are drawn, in words.

    limit: the height of the threshold, None where there is none, and the threshold in words
    recorded: x and width of the recording, None where there is none; since: x of the alert's begin
    """

    lines: tuple[str, ...]
    left_out: int
    most: str
    last: str
    limit: float | None
    limited: str
    recorded: tuple[float, float] | None
    since: float | None
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Scale:
    start: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        share = (at - self.start) / ((self.end - self.start) or 1)
        return round(min(max(share, 0), 1) * WIDE, 1)

    def y(self, value: float) -> float:
        return round(HIGH - (value - self.low) / ((self.high - self.low) or 1) * HIGH, 1)


def drawn(found: Sequence[Series], question: Question, limit: float | None, capture: Capture) -> Graph:
    """The picture of these series, of which at least one has points."""
    shown = [each for each in found if each.points][:MOST]
    values = [value for each in shown for _at, value in each.points]
    ends = [0.0, *values, *([] if limit is None else [limit])]
    scale = _Scale(question.start.timestamp(), question.end.timestamp(), min(ends), max(ends))
    last = max((each.points[-1] for each in shown), key=lambda point: point[0])[1]
    since = capture.trigger.starts_at
    return Graph(
        lines=tuple(" ".join(_path(each, scale, question.step)) for each in shown),
        left_out=sum(1 for each in found if each.points) - len(shown),
        most=f"{max(values):.4g}",
        last=f"{last:.4g}",
        limit=None if limit is None else scale.y(limit),
        limited="" if limit is None else f"{limit:g}",
        recorded=_recorded(capture, scale, question.end),
        since=scale.x(since.timestamp()) if since and since >= question.start else None,
        start=question.start,
        end=question.end,
    )


def _path(series: Series, scale: _Scale, step: int) -> Iterator[str]:
    """Moves over times without a value."""
    before = float("-inf")
    for at, value in series.points:
        yield f"{'L' if at - before < 1.5 * step else 'M'}{scale.x(at)} {scale.y(value)}"
        before = at


def _recorded(capture: Capture, scale: _Scale, end: datetime) -> tuple[float, float] | None:
    if capture.started_at is None:
        return None
    left, right = scale.x(capture.started_at.timestamp()), scale.x((capture.stopped_at or end).timestamp())
    width = max(right - left, NARROWEST)
    return min(left, WIDE - width), width

"""Captures a time by what became of them, as bars that are links. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.model import State
from app.web.pages import facets
from app.web.pages.states import state_in_words
from app.web.pages.values import clock

STEPS: Final = 48  # bars
WIDTHS: Final = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 168))  # of a bar
HIGH: Final = 48  # of the picture's own coordinates
ORDER: Final = (
    State.COMPLETED,
    State.COLLECTING,
    State.RECORDING,
    State.PENDING,
    State.FAILED,
    State.SKIPPED,
    State.CANCELED,
)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` on, `steps` bars of `step`."""

    start: datetime
    step: timedelta
    steps: int = STEPS


@dataclass(frozen=True, slots=True)
class Bar:
    """x: from 0 to STEPS; parts: (state, y, height) from the bottom; href: the page with these captures alone."""

    x: int
    title: str
    href: str
    chosen: bool
    parts: tuple[tuple[State, float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """most: captures in the highest bar; totals: chips of the states, with their numbers."""

    span: Span
    bars: tuple[Bar, ...]
    most: int
    totals: tuple[facets.Chip, ...]

    @property
    def end(self) -> datetime:
        return self.span.start + self.span.steps * self.span.step


def span(now: datetime, since: datetime | None, until: datetime | None) -> Span:
    """The last two days in hours; or what is asked for, with some hours around it, in the narrowest bars that show
    it whole."""
    end = min(now, until + WIDTHS[0] * 12) if until else now
    reach = end - since if since else timedelta()
    step = next((width for width in WIDTHS if width * (STEPS - 1) >= reach), WIDTHS[-1])
    last = end.replace(minute=0, second=0, microsecond=0)
    if step > WIDTHS[0]:
        last = last.replace(hour=last.hour // 6 * 6 if step < timedelta(days=1) else 0)
    return Span(last - (STEPS - 1) * step, step)


def chart(counts: Mapping[tuple[int, State], int], shown: Span, query: facets.Query) -> Chart:
    """The bars. counts: by the index of a bar and the state."""
    sums = [sum(counts.get((n, state), 0) for state in State) for n in range(shown.steps)]
    most = max(sums)
    bars = (_bar(n, counts, shown, query, most) for n, total in enumerate(sums) if total)
    states = {state: sum(counts.get((n, state), 0) for n in range(shown.steps)) for state in ORDER}
    totals = tuple(
        facets.Chip("state", state, state_in_words(state), facets.with_(query, "state", state), number)
        for state, number in states.items()
        if number
    )
    return Chart(shown, tuple(bars), most, totals)


def _bar(n: int, counts: Mapping[tuple[int, State], int], shown: Span, query: facets.Query, most: int) -> Bar:
    start = shown.start + n * shown.step
    times = {"since": f"{start:%Y-%m-%dT%H:%M:%SZ}", "until": f"{start + shown.step:%Y-%m-%dT%H:%M:%SZ}"}
    has = [(state, counts[n, state]) for state in ORDER if counts.get((n, state))]
    parts, y = [], float(HIGH)
    for state, number in has:
        height = round(number * HIGH / most, 2)
        y -= height
        parts.append((state, round(y, 2), height))
    rest = [(name, value) for name, value in query if name not in times]
    return Bar(
        x=n,
        title=f"{clock(start)}: " + ", ".join(f"{state_in_words(state)} {number}" for state, number in has),
        href=facets.with_([*rest, ("since", times["since"])], "until", times["until"]),
        chosen=dict(query).get("since") == times["since"],
        parts=tuple(parts),
    )

"""Asks Prometheus for the values of an expression over a time. For pages/alert_graph.py.

Only the address in the configuration is asked, but the expression is what an alert brought, and anybody may have sent
that alert. So a question has bounds: Prometheus gives up after TIMEOUT, and an answer beyond STEPS, MOST_BYTES or
MOST_SERIES is not read.

The API is https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import httpx2

from app.hosts.web_api import Bounds, document
from app.web.languages import _, marked

TIMEOUT: Final = 4.0  # seconds that Prometheus works on one question
BOUNDS: Final = Bounds(silence=TIMEOUT + 1, whole=2 * TIMEOUT, largest=2 << 20)
STEPS: Final = 240  # points of a series
SHORTEST: Final = 5  # seconds between two points
LONGEST: Final = 4000  # characters of an expression
MOST_SERIES: Final = 200


class NoValues(Exception):
    """There are no values. As a string it is the sentence for people, in the language of whoever reads it.

    text: as `marked`; values: for its %(name)s."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text, self.values = text, values

    def __str__(self) -> str:
        return _(self.text, **self.values)


@dataclass(frozen=True, slots=True)
class Question:
    """An expression, and from when to when its values are wanted."""

    expression: str
    start: datetime
    end: datetime

    @property
    def step(self) -> int:
        """Seconds between two points."""
        return max(math.ceil((self.end - self.start).total_seconds() / STEPS), SHORTEST)

    def parameters(self) -> dict[str, str]:
        """Of GET /api/v1/query_range. The last point is at the end; the first one may be a step before the start.
        Servers before 3.0 do not know `limit`."""
        steps = math.ceil((self.end - self.start).total_seconds() / self.step)
        times = {"start": f"{self.end.timestamp() - steps * self.step:.3f}", "end": f"{self.end.timestamp():.3f}"}
        bounds = {"step": str(self.step), "timeout": f"{TIMEOUT:g}s", "limit": str(MOST_SERIES)}
        return {"query": self.expression, **times, **bounds}


@dataclass(frozen=True, slots=True)
class Series:
    """One time series. points: seconds since the epoch and finite values, in the order of time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


def values_of(url: str, question: Question) -> tuple[Series, ...]:
    """What the Prometheus at `url` answers. Raises NoValues."""
    if len(question.expression) > LONGEST:
        raise NoValues(marked("The alert's expression is too long to ask Prometheus for it."))
    try:
        whole = json.loads(document(f"{url.rstrip('/')}/api/v1/query_range", question.parameters(), bounds=BOUNDS))
        return tuple(islice(_series(whole), MOST_SERIES))
    except httpx2.HTTPStatusError as refused:
        raise NoValues(marked("Prometheus answers with status %(n)s."), n=refused.response.status_code) from refused
    except httpx2.TimeoutException as late:
        raise NoValues(marked("Prometheus did not answer within %(n)s s."), n=f"{BOUNDS.silence:g}") from late
    except httpx2.HTTPError as fault:
        raise NoValues(marked("Prometheus cannot be reached; see prometheus.url in the configuration.")) from fault
    except (ValueError, RecursionError) as fault:
        raise NoValues(marked("Prometheus' answer cannot be read, or is too large.")) from fault


def _series(whole: Any) -> Iterator[Series]:
    """Raises ValueError for an answer that is none."""
    data = whole.get("data") if isinstance(whole, dict) else None
    found = data.get("result") if isinstance(data, dict) else None
    if not isinstance(data, dict) or data.get("resultType") != "matrix" or not isinstance(found, list):
        raise ValueError("it answers no matrix")
    for each in found:
        if isinstance(each, dict) and isinstance(each.get("values"), list) and isinstance(each.get("metric"), dict):
            labels = {str(name): str(value) for name, value in each["metric"].items()}
            yield Series(labels, tuple(sorted(islice(_points(each["values"]), 2 * STEPS))))


def _points(values: list[Any]) -> Iterator[tuple[float, float]]:
    for value in values:
        try:
            at, number = (float(each) for each in value)
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(at) and math.isfinite(number):
            yield at, number

"""The alert's own graph: the values of its expression around the capture. Registered by app/web/asgi.py.

The page of the capture does not wait for it: its script fetches this page, and without script a link opens it.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Final
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.model import Capture, Trigger
from app.web.languages import marked
from app.web.pages.renderer import PageRenderer
from app.web.pages.series_drawing import Graph, drawn
from app.web.parts import Parts, the_capture
from app.web.prometheus import NoValues, Question, Series, values_of

BEFORE, AFTER, WHOLE = timedelta(minutes=30), timedelta(minutes=10), timedelta(hours=6)
AT_ONCE: Final = 2  # questions
WAIT: Final = 5.0  # seconds for one's turn; a request that waits occupies one of the framework's 40 threads
KEPT: Final = timedelta(minutes=1)  # for which an answer stands, and the sentence why there is none
MOST_KEPT: Final = 64
THRESHOLD: Final = re.compile(r"(?:==|!=|>=|<=|>|<)\s*([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)\Z")
SETS: Final = re.compile(r"\b(and|or|unless)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows: the graph, or why there is none."""

    expression: str
    graph: Graph | NoValues


def routes(parts: Parts) -> APIRouter:
    """GET /ui/captures/{id}/graph."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page, graphs = PageRenderer(parts), AlertGraphs(parts)

    @router.get("/ui/captures/{capture_id}/graph")
    def graph(capture_id: str) -> str:
        capture = the_capture(parts, capture_id)
        return page("alert_graph.html", c=capture, shown=graphs.of(capture))

    return router


class AlertGraphs:
    """The graphs of captures. Prometheus is asked for one of them once within KEPT, however often it is looked at."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.lock, self.places = parts, Lock(), BoundedSemaphore(AT_ONCE)
        self.last: OrderedDict[str, tuple[datetime, Shown]] = OrderedDict()

    def of(self, capture: Capture) -> Shown:
        """The graph of a capture, or the sentence why there is none."""
        now = self.parts.now()
        with self.lock:
            made_at, kept = self.last.get(capture.id, (now, None))
        if kept and now - made_at < KEPT:
            return kept
        made = self._shown(capture, now)
        with self.lock:
            self.last[capture.id] = (now, made)
            while len(self.last) > MOST_KEPT:
                self.last.popitem(last=False)
        return made

    def _shown(self, capture: Capture, now: datetime) -> Shown:
        expression, url = expression_of(capture.trigger), self.parts.prometheus()
        try:
            if not url:
                raise NoValues(marked("No Prometheus is configured to be asked: set prometheus.url."))
            if not expression:
                raise NoValues(marked("The alert's generatorURL has no expression."))
            return Shown(expression, self._graph(url, expression, capture, now))
        except NoValues as fault:
            return Shown(expression, NoValues(fault.text, **fault.values))  # without what led to it

    def _graph(self, url: str, expression: str, capture: Capture, now: datetime) -> Graph:
        measured, limit = measured_in(expression)
        question = Question(measured, *window(capture, now))
        if not self.places.acquire(timeout=WAIT):
            raise NoValues(marked("Prometheus is being asked for other alerts; try again in a moment."))
        try:
            found = of_alert(values_of(url, question), capture.trigger)
        finally:
            self.places.release()
        if not any(each.points for each in found):
            raise NoValues(marked("Prometheus has no values for the alert's expression at this time."))
        return drawn(found, question, limit, capture)


def is_offered(parts: Parts, capture: Capture) -> bool:
    """Whether the page of the capture has a graph."""
    return bool(parts.prometheus() and expression_of(capture.trigger))


def expression_of(trigger: Trigger) -> str:
    """The expression in the alert's generatorURL, which Prometheus writes as `…/graph?g0.expr=…`; "" where there is
    none."""
    try:
        return parse_qs(urlsplit(trigger.generator_url).query, max_num_fields=50).get("g0.expr", [""])[0].strip()
    except ValueError:
        return ""


def measured_in(expression: str) -> tuple[str, float | None]:
    """`rate(x[5m])` and 0.8 of `rate(x[5m]) > 0.8`, so that values below the threshold are seen, too. Other expressions
    as they are, with None."""
    found = THRESHOLD.search(expression)
    measured = expression[: found.start()].rstrip() if found else ""
    if not found or not measured or SETS.search(measured):  # with sets, the comparison may be of the last part alone
        return expression, None
    try:
        return measured, float(found[1])
    except ValueError:
        return expression, None


def window(capture: Capture, now: datetime) -> tuple[datetime, datetime]:
    """From when to when: some time before the alert began until some time after the recording."""
    end = min((capture.stopped_at or capture.ended_at or capture.created_at) + AFTER, now)
    begun = min(capture.trigger.starts_at or capture.created_at, capture.created_at)
    return max(begun - BEFORE, end - WHOLE), end


def of_alert(found: Sequence[Series], trigger: Trigger) -> Sequence[Series]:
    """The series whose labels the alert has; all of them where there are none such."""
    labels = trigger.labels
    own = [
        each
        for each in found
        if all(labels.get(name) == value for name, value in each.labels.items() if name[:2] != "__")
    ]
    return own or found

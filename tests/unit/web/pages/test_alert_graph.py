"""The alert's own graph: what is asked of Prometheus, and what becomes of its answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import process_time
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from app.hosts.web_api import Bounds
from app.model import Capture, Trigger
from app.web import prometheus
from app.web.pages.alert_graph import measured_in
from tests.unit.web.web_app import NOON, WebApp

OWN = {"instance": "10.0.0.5:9100", "job": "order-mq"}


@dataclass
class Asked:
    """Stands for Prometheus: what it was asked, and what it answers."""

    answer: bytes | Exception = b""
    questions: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def document(self, url: str, parameters: Mapping[str, str], bounds: Bounds) -> bytes:
        self.questions.append((url, dict(parameters)))
        assert bounds.whole <= 10 and bounds.largest <= 4 << 20
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def asked(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(prometheus, "document", made.document)
    web.prometheus = "http://ops:secret@prometheus.example.com:9090/"
    return made


def of_alert(web: WebApp, expression: str = "rate(cpu[5m]) > 0.8") -> Capture:
    url = f"http://evil.example.com/graph?{urlencode({'g0.expr': expression, 'g0.tab': '1'})}"
    labels = {"alertname": "HighCPU", **OWN}
    return web.keep_completed(
        trigger=Trigger("alert", labels, "8a3e2b1c4d5f6071", {}, NOON - timedelta(minutes=4), url)
    )


def matrix(*series: tuple[Mapping[str, str], list[Any]]) -> bytes:
    result = [{"metric": dict(labels), "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def graph(web: WebApp, capture: Capture) -> str:
    answer = web.client.get(f"/ui/captures/{capture.id}/graph")
    assert answer.status_code == 200
    return answer.text.replace("<wbr>", "")


def at(minutes: float) -> float:
    return (NOON + timedelta(minutes=minutes)).timestamp()


def test_the_configured_prometheus_is_asked_within_bounds_and_once_a_minute(web: WebApp, asked: Asked) -> None:
    capture = of_alert(web)
    assert f"/ui/captures/{capture.id}/graph" in web.client.get(f"/ui/captures/{capture.id}").text
    assert not asked.questions, "the page of the capture waits for nobody"
    asked.answer = matrix((OWN, [[at(-20), "0.5"], [at(-4), "0.9"], [at(-3.9), "1.5"]]), ({"job": "b"}, [[at(0), "9"]]))
    web.now = NOON + timedelta(minutes=30)
    shown = [graph(web, capture) for _ in range(3)]
    ((url, query),) = asked.questions
    assert url == "http://ops:secret@prometheus.example.com:9090/api/v1/query_range"
    assert query["query"] == "rate(cpu[5m])", "so that what is below the threshold is seen too"
    span = float(query["end"]) - float(query["start"])
    assert float(query["start"]) < at(-20) and float(query["end"]) > at(5) and span / float(query["step"]) <= 240
    assert query["timeout"] == "4s"
    assert "at most 1.5, at last 1.5" in shown[0] and "threshold 0.8" in shown[0] and 'class="recorded"' in shown[0]
    assert shown[0].count("<path") == 1, "the series of the alert alone"
    assert shown[0].count("M") - shown[0].count("M</") >= 2 and "secret" not in shown[0]
    web.now += timedelta(minutes=2)
    graph(web, capture)
    assert len(asked.questions) == 2


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx2.ReadTimeout("late"), "Prometheus did not answer within 5 s."),
        (httpx2.ConnectError("http://ops:secret@x refused"), "Prometheus cannot be reached"),
        (b"<html>", "answer cannot be read"),
        (b"[" * 100_000, "answer cannot be read"),
        (b'{"data": {"resultType": "vector", "result": []}}', "answer cannot be read"),
        (matrix(), "has no values for the alert"),
        (matrix((OWN, [["x"], 7, [at(0), "NaN"], [at(0), None], [1, 2, 3]])), "has no values for the alert"),
        (matrix((OWN, [[at(0), 10**400]])), "has no values for the alert"),
    ],
)
def test_where_there_is_no_graph_a_sentence_says_why(
    web: WebApp, asked: Asked, answer: bytes | Exception, sentence: str
) -> None:
    asked.answer = answer
    capture = of_alert(web)
    shown = graph(web, capture)
    assert sentence in shown and "secret" not in shown and "<path" not in shown
    chinese = web.client.get(f"/ui/captures/{capture.id}/graph", headers={"accept-language": "zh-CN"}).text
    assert sentence not in chinese and "Prometheus" in chinese, "a kept sentence is in its reader's language"


def test_without_a_prometheus_or_an_expression_no_graph_is_offered_and_nobody_is_asked(
    web: WebApp, asked: Asked
) -> None:
    plain, capture = web.keep_completed(), of_alert(web)
    assert "hx-get" not in web.client.get(f"/ui/captures/{plain.id}").text
    assert "generatorURL has no expression" in graph(web, plain)
    web.prometheus = None
    assert "hx-get" not in web.client.get(f"/ui/captures/{capture.id}").text
    assert "set prometheus.url" in graph(web, capture)
    web.prometheus = "http://prometheus.example.com"
    assert "is too long" in graph(web, of_alert(web, "x" * 5000)) and not asked.questions


@pytest.mark.parametrize(
    ("expression", "measured", "limit"),
    [
        ("rate(x[1m]) > 0.8", "rate(x[1m])", 0.8), ("sum by (job) (up) < 1", "sum by (job) (up)", 1.0),
        ("a / b >= 1e+06", "a / b", 1e6), ("count(a > 1)\n> -5", "count(a > 1)", -5.0), ("up == 0", "up", 0.0),
        ("a > 1 and b > 2", None, None), ("a > b", None, None), ("a > bool 1", None, None), ("(a > 1)", None, None),
        ('x{path="a > 1"}', None, None), ("a > 1.2.3", None, None), ("a or b > 3", None, None),
    ],
)  # fmt: skip
def test_a_comparison_with_a_number_is_a_threshold(expression: str, measured: str | None, limit: float | None) -> None:
    assert measured_in(expression) == (measured or expression, limit)


@pytest.mark.parametrize("expression", ["a" + " " * 65_000 + "b", "a" + ">" * 65_000 + "b", "a > " * 16_000])
def test_a_forged_expression_takes_no_longer_than_its_text_is_long(expression: str) -> None:
    before = process_time()
    assert measured_in(expression) == (expression, None)
    assert process_time() - before < 2

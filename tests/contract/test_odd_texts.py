"""A text that a database cannot hold, wherever a request may have one: nothing has that name, and nothing breaks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.ledger.ledger import Filter
from tests.unit.web.api.test_webhook import alert, body
from tests.unit.web.web_app import WebApp

ODD = ("a%00b", "%00", "%ED%A0%80", "%FF", "019aafe2%00")


@pytest.fixture
def web(url: str, tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path, database=url)
    yield made
    made.ledger.close()


def requests(web: WebApp, odd: str) -> Iterator[tuple[str, str]]:
    """Every route with this in each part of its path, and in each of its parameters."""
    paths: dict[str, dict[str, Any]] = web.client.get("/openapi.json").json()["paths"]
    there = {path: [*told] for path, told in paths.items()} | {
        path: ["get"]
        for path in (
            "/ui/captures/{id}",
            "/ui/captures/{id}/flame",
            "/ui/captures/{id}/speedscope/{name}",
            "/alerts/{fingerprint}",
            "/ui/services/{name}",
            "/static/{name}",
            "/{any}",
        )
    }
    for path, methods in there.items():
        for method in methods:
            names = [p["name"] for p in paths.get(path, {}).get(method, {}).get("parameters", []) if p["in"] == "query"]
            filled = re.sub(r"\{[^}]*\}", odd, path)
            yield method, filled
            yield from ((method, f"{filled}?{name}={odd}") for name in names)
    yield "get", f"/ui/try?message={odd}"
    yield "get", f"/?host={odd}&service={odd}&cursor={odd}"


@pytest.mark.parametrize("odd", ODD)
def test_a_text_that_is_none_in_an_id_or_a_filter_is_no_fault_of_ours(web: WebApp, odd: str) -> None:
    for method, address in requests(web, odd):
        answer = web.client.request(method, address)
        assert answer.status_code < 500, f"{method} {address}: {answer.text}"
        if "cursor" not in address:
            assert "cursor" not in answer.text or answer.status_code == 200, f"{method} {address}: {answer.text}"
        if re.search(r"^/(captures|messages)/", address):
            assert answer.status_code in (404, 405, 422), f"{method} {address}: {answer.text}"


def test_a_filter_with_such_a_text_finds_nothing(web: WebApp) -> None:
    web.keep_completed()
    for name in ("host", "service", "alertname", "fingerprint", "profiler"):
        answer = web.client.get(f"/captures?{name}=a%00b")
        assert (answer.status_code, answer.json()) == (200, {"captures": [], "next": None})


def test_such_a_text_in_what_is_sent_is_kept_with_a_mark_in_its_place_or_refused(web: WebApp) -> None:
    asked = {"host": "10.0.0.5", "pid": 7, "note": "a\0b", "labels": {"service": "a\0b"}}
    told = web.client.post("/capture", json=asked)
    assert told.status_code == 202
    assert web.client.get(f"/captures/{told.json()['id']}").json()["trigger"]["note"] == "a\ufffdb"
    bad = web.client.post("/capture", content=b'{"host": "10.0.0.5", "pid": 7, "note": "\\ud800"}')
    assert bad.status_code in (202, 422)
    odd = alert(labels={"alertname": "a\0b", "job": "order-mq"}, annotations={"a": "\0"}, generatorURL="http://\0")
    assert len(web.client.post("/webhook", content=body(odd)).json()["captures"]) == 1
    assert [c.trigger.alertname for c in web.ledger.find(Filter(alertname="a\ufffdb")).captures] == ["a\ufffdb"]
    assert web.client.post("/explain", content=body(odd)).status_code == 200
    assert web.client.get("/messages").status_code == 200

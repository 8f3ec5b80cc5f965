"""POST /capture."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from app.model import State
from app.web.api import manual
from tests.unit.web.web_app import WebApp


def asked(web: WebApp, **body: Any) -> Any:
    answer = web.client.post("/capture", json={"host": "10.0.0.5", **body})
    assert answer.status_code == 202, answer.text
    capture = web.ledger.get(answer.json()["id"])
    assert capture is not None
    return capture


def test_a_capture_is_begun_and_told_where_it_is(web: WebApp) -> None:
    answer = web.client.post("/capture", json={"host": "10.0.0.5", "pid": 21181, "note": "slow"})

    shown = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/captures/{shown['id']}"
    assert (shown["state"], shown["rule"], shown["profiler"]) == ("pending", "manual", "auto")
    assert shown["trigger"] == {"kind": "manual", "by": "testclient", "note": "slow"}
    assert shown["timeline"][0]["message"] == "asked for by testclient: slow"
    assert web.client.get(answer.headers["location"]).json() == {**shown, "notices": []}


def test_it_is_due_at_once_and_takes_what_was_asked(web: WebApp) -> None:
    capture = asked(web, pid=21181, duration="1m30s", profiler="go-zero", labels={"ticket": "OPS-71"})

    assert (capture.due_at, capture.duration) == (web.now, timedelta(seconds=90))
    assert (capture.profiler, dict(capture.labels)) == ("go-zero", {"ticket": "OPS-71"})
    assert capture.created_at == web.now


@pytest.mark.parametrize(
    ("way", "labels"),
    [
        ({"pid": 21181}, {"host": "10.0.0.5", "pid": "21181"}),
        ({"process": "order-mq"}, {"host": "10.0.0.5", "process": "order-mq"}),
        ({"port": 9100}, {"instance": "10.0.0.5:9100"}),
        ({"unit": "order-mq"}, {"host": "10.0.0.5", "unit": "order-mq.service"}),
        ({"unit": "order@1.service"}, {"host": "10.0.0.5", "unit": "order@1.service"}),
        ({"container": "0123456789ab"}, {"host": "10.0.0.5", "container_id": "0123456789ab"}),
        ({"container": "web"}, {"host": "10.0.0.5", "container_name": "web"}),
        ({"host": "2001:db8::5", "port": 9100}, {"instance": "[2001:db8::5]:9100"}),
        ({"host": "[2001:DB8::5]", "pid": 7}, {"host": "2001:db8::5", "pid": "7"}),
        ({"pid": 7, "labels": {"team": "a"}}, {"team": "a", "host": "10.0.0.5", "pid": "7"}),
    ],
)
def test_each_way_to_say_which_process_becomes_labels_for_the_resolvers(
    web: WebApp, way: dict[str, Any], labels: dict[str, str]
) -> None:
    assert dict(asked(web, **way).trigger.labels) == labels


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "host"),
        ({"host": "h"}, "exactly one of pid, process, port, unit and container; this has none"),
        ({"host": "h", "pid": 7, "port": 80}, "this has pid and port"),
        ({"host": "h", "unit": "order.service", "container": "web"}, "this has unit and container"),
        ({"host": "h", "unit": ""}, "unit"),
        ({"host": "-oProxyCommand=x", "pid": 7}, "host"),
        ({"host": "h;reboot", "pid": 7}, "host"),
        ({"host": "h\n", "pid": 7}, "host"),
        ({"host": "10.0.0.5:22", "pid": 7}, "host"),
        ({"host": "", "pid": 7}, "host"),
        ({"host": "h", "pid": 1}, "pid"),
        ({"host": "h", "pid": 0}, "pid"),
        ({"host": "h", "pid": -5}, "pid"),
        ({"host": "h", "pid": 4_194_305}, "pid"),
        ({"host": "h", "pid": "7"}, "pid"),
        ({"host": "h", "pid": 7.5}, "pid"),
        ({"host": "h", "pid": True}, "pid"),
        ({"host": "h", "port": 65_536}, "port"),
        ({"host": "h", "process": "a\x1b[2J"}, "control characters"),
        ({"host": "h", "pid": 7, "duration": "30"}, "write 30s"),
        ({"host": "h", "pid": 7, "duration": "1h"}, "between 1s and 10m"),
        ({"host": "h", "pid": 7, "profiler": "perf"}, "there are auto, go-zero"),
        ({"host": "h", "pid": 7, "labels": {"pid": "8"}}, "the label pid"),
        ({"host": "h", "pid": 7, "labels": {"instance": "other:80"}}, "the label instance"),
        ({"host": "h", "port": 80, "labels": {"container_label_a": "b"}}, "the label container_label_a"),
        ({"host": "h", "pid": 7, "durations": "30s"}, "durations"),
    ],
)
def test_what_makes_no_sense_is_422_and_begins_nothing(web: WebApp, body: dict[str, Any], word: str) -> None:
    answer = web.client.post("/capture", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert word in answer.json()["detail"]
    assert not any(web.ledger.counts().values())


def test_a_body_that_is_no_json_is_told_so(web: WebApp) -> None:
    assert web.client.post("/capture", content=b"{").status_code == 422
    answer = web.client.post("/capture", content=b'{"host":"h","pid":7}', headers={"content-type": "text/plain"})
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_nothing_is_begun_while_captures_are_paused(web: WebApp) -> None:
    web.ledger.pause(web.now, "ann")
    answer = web.client.post("/capture", json={"host": "h", "pid": 7})

    assert answer.status_code == 409
    assert "paused since 2026-11-23 12:00:00 UTC by ann" in answer.json()["detail"]
    assert not any(web.ledger.counts().values())


def test_a_name_given_with_http_basic_is_who_asked(web: WebApp) -> None:
    answer = web.client.post("/capture", json={"host": "h", "pid": 7}, auth=("ann", "whatever"))

    assert answer.json()["trigger"]["by"] == "ann (testclient)"


def test_wait_answers_with_the_end(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "POLL", 0.01)
    begun = threading.Event()
    web.ledger.on_due = begun.set

    def work() -> None:
        begun.wait()
        claim = web.ledger.claim(web.now, "test", timedelta(seconds=60))
        assert claim is not None
        web.ledger.release(claim, claim.capture.ended(State.COMPLETED, web.now))

    worker = threading.Thread(target=work)
    worker.start()
    answer = web.client.post("/capture?wait=60s", json={"host": "h", "pid": 7})
    worker.join()

    assert (answer.status_code, answer.json()["state"]) == (202, "completed")


def test_wait_answers_when_the_time_is_up(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "POLL", 0.01)
    answer = web.client.post("/capture?wait=50ms", json={"host": "h", "pid": 7})

    assert (answer.status_code, answer.json()["state"]) == (202, "pending")


@pytest.mark.parametrize("wait", ["90", "forever", "16m"])
def test_a_wait_that_is_none_begins_nothing(web: WebApp, wait: str) -> None:
    answer = web.client.post(f"/capture?wait={wait}", json={"host": "h", "pid": 7})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("wait: ")
    assert not any(web.ledger.counts().values())


def test_a_body_larger_than_any_request_needs_is_413(web: WebApp) -> None:
    answer = web.client.post("/capture", json={"host": "h", "pid": 7, "note": "x" * 70_000})

    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")

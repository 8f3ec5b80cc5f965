"""POST /webhook over the whole application, on a real ledger."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from httpx2 import Response

from app.intake.body import parse, to_alerts
from app.intake.message import MAX_ALERTS
from app.ledger.faults import LedgerUnavailable, LedgerUncertain
from app.model import State
from app.web.api import webhook
from tests.unit.web.web_app import WebApp

DATA = Path(__file__).parents[3] / "data" / "alertmanager"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path)
    yield made
    made.ledger.close()


def alert(**different: Any) -> dict[str, Any]:
    given = {
        "status": "firing",
        "labels": {"alertname": "HighCPU", "job": "order-mq"},
        "startsAt": "2026-11-23T11:56:00Z",
        "fingerprint": "8a3e2b1c4d5f6071",
    }
    return given | different


def body(*alerts: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"alerts": alerts, **more}).encode()


@pytest.mark.parametrize("path", ["/webhook", "/webhook/"])
def test_a_message_is_recorded_and_acknowledged_with_202(web: WebApp, path: str) -> None:
    answer = web.client.post(path, content=(DATA / "0.25-firing.json").read_bytes())

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert (len(told["captures"]), told["known"], told["skipped"]) == (2, [], [])
    recorded = [web.ledger.get(id_) for id_ in told["captures"]]
    assert [c and c.trigger.labels["instance"] for c in recorded] == ["[2001:db8::5]:9100", "10.0.0.5:9100"]
    assert recorded[0] and recorded[0].trigger.annotations == {"summary": "Kosten für «order-api» steigen"}


@pytest.mark.parametrize("file", sorted(DATA.glob("*.json")), ids=lambda file: file.stem)
def test_every_version_of_alertmanager_is_understood(web: WebApp, file: Path) -> None:
    answer = web.client.post("/webhook", content=file.read_bytes())

    firing = [a for a in json.loads(file.read_bytes())["alerts"] if a["status"] == "firing"]
    assert answer.status_code == 202
    assert len(answer.json()["captures"]) == len(firing)


def test_utf8_label_names_arrive_as_they_are(web: WebApp) -> None:
    answer = web.client.post("/webhook", content=(DATA / "0.34-mixed-utf8.json").read_bytes())

    capture = web.ledger.get(answer.json()["captures"][0])
    assert capture is not None
    assert capture.trigger.labels["app.kubernetes.io/name"] == "order-api"
    assert capture.trigger.labels["größe"] == "groß"


def test_a_resolved_alert_starts_nothing_and_is_noted_on_its_capture(web: WebApp) -> None:
    made = web.client.post("/webhook", content=body(alert())).json()["captures"][0]
    again = web.client.post("/webhook", content=body(alert(status="resolved", endsAt="2026-11-23T12:05:00Z")))

    assert again.json() == {"captures": [], "known": [], "skipped": []}
    capture = web.ledger.get(made)
    assert capture and capture.resolved_at == datetime(2026, 11, 23, 12, 5, tzinfo=UTC)


def test_a_repeat_falls_on_its_capture(web: WebApp) -> None:
    made = web.client.post("/webhook", content=body(alert())).json()["captures"]

    assert web.client.post("/webhook", content=body(alert())).json() == {
        "captures": [],
        "known": made,
        "skipped": [],
    }


def test_an_alert_that_leads_to_nothing_is_told_with_its_reason(web: WebApp) -> None:
    told = web.client.post("/webhook", content=body(alert(labels={"alertname": "DiskFull"}))).json()

    assert told["captures"] == []
    assert told["skipped"][0]["fingerprint"] == "8a3e2b1c4d5f6071"
    assert told["skipped"][0]["reason"]["code"] == "no_rule"
    assert web.ledger.counts()[State.SKIPPED] == 1


def test_times_come_to_be_aware_and_in_utc() -> None:
    message = parse(
        body(
            alert(startsAt="2026-11-23T14:00:00.123456789+02:00", endsAt="0001-01-01T00:00:00Z"),
            alert(startsAt="2026-11-23T12:00:00", endsAt="2026-11-23T15:00:00+02:00"),
        )
    )
    first, second = to_alerts(message)

    assert first.starts_at == datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
    assert first.ends_at is None
    assert second.starts_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert second.ends_at == datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert {first.starts_at.tzinfo, second.starts_at.tzinfo} == {UTC}


def test_a_missing_fingerprint_is_made_of_the_labels_alone() -> None:
    bare = {name: value for name, value in alert().items() if name != "fingerprint"}
    turned = bare | {"labels": dict(reversed(bare["labels"].items())), "startsAt": "2026-01-01T00:00:00Z"}
    other = bare | {"labels": {"alertname": "HighCPU", "job": "order-api"}}
    prints = [a.fingerprint for a in to_alerts(parse(body(bare, turned, other)))]

    assert prints[0] == prints[1] != prints[2]
    assert len(prints[0]) == 16
    assert int(prints[0], 16) >= 0


def test_a_message_may_say_the_status_for_all_its_alerts() -> None:
    bare = {name: value for name, value in alert().items() if name != "status"}

    assert [a.firing for a in to_alerts(parse(body(bare, status="resolved")))] == [False]


def test_a_body_that_is_json_is_taken_whatever_it_is_called(web: WebApp) -> None:
    answer = web.client.post("/webhook", content=body(alert()), headers={"content-type": "text/plain"})

    assert answer.status_code == 202


def test_an_empty_message_is_one(web: WebApp) -> None:
    assert web.client.post("/webhook", content=body()).json() == {"captures": [], "known": [], "skipped": []}


@pytest.mark.parametrize(
    ("content", "status", "word"),
    [
        (b"", 400, "JSON"),
        (b"hello", 400, "JSON"),
        (b'{"alerts":[{"labels":{"a":"b"}}', 400, "JSON"),
        (b"[]", 422, "object"),
        (b"{}", 422, "alerts"),
        (b'{"alerts":null}', 422, "alerts"),
        (b'{"alerts":"[]"}', 422, "alerts"),
        (b'{"alerts":{"0":{}}}', 422, "alerts"),
        (b'"alerts"', 422, "object"),
    ],
)
def test_what_is_no_message_is_refused_for_good_with_a_sentence(
    web: WebApp, content: bytes, status: int, word: str
) -> None:
    answer = web.client.post("/webhook", content=content)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]
    assert not any(web.ledger.counts().values())


def test_a_body_over_the_bound_is_refused_with_413(web: WebApp) -> None:
    answer = web.client.post("/webhook", content=body(alert(annotations={"x": "y" * webhook.MAX_BODY})))

    assert answer.status_code == 413
    assert "max_alerts" in answer.json()["detail"]


def test_a_body_in_pieces_is_bounded_too(web: WebApp) -> None:
    def pieces(count: int) -> Iterator[bytes]:
        yield body(alert())[:-1]
        for _ in range(count):
            yield b" " * 1024 * 1024
        yield b"}"

    assert web.client.post("/webhook", content=pieces(9)).status_code == 413
    assert web.client.post("/webhook", content=pieces(2)).status_code == 202


def test_too_many_alerts_are_refused_with_413_and_as_many_as_allowed_are_taken(web: WebApp) -> None:
    tiny = {"status": "resolved", "labels": {"a": "b"}, "startsAt": "2026-01-01T00:00:00Z"}

    assert web.client.post("/webhook", content=body(*[tiny] * (MAX_ALERTS + 1))).status_code == 413
    assert web.client.post("/webhook", content=body(*[tiny] * MAX_ALERTS)).status_code == 202


def test_a_nul_in_a_label_does_not_reach_the_database(web: WebApp) -> None:
    made = web.client.post("/webhook", content=body(alert(labels={"job": "order-\0mq"}))).json()["captures"][0]

    capture = web.ledger.get(made)
    assert capture and capture.trigger.labels == {"job": "order-�mq"}


def answered_while(web: WebApp, monkeypatch: pytest.MonkeyPatch, fault: LedgerUnavailable) -> Response:
    """The answer to a message that the ledger does not take, with this fault."""
    future: Future[Any] = Future()
    future.set_exception(fault)
    monkeypatch.setattr(web.ledger, "receive", lambda *_: future)
    return web.reached_by().post("/webhook", content=body(alert()))


def test_503_and_only_then_when_nothing_could_be_recorded(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answered_while(web, monkeypatch, LedgerUnavailable("the disk is full"))

    assert answer.status_code == 503
    assert answer.json()["detail"] == "Nothing was recorded, send this message again: the disk is full"
    assert "retry-after" not in answer.headers


def test_503_says_so_where_nobody_knows_whether_it_was_recorded(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answered_while(web, monkeypatch, LedgerUncertain("the server is gone"))

    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("It is not known whether this was recorded, send this message again")


def test_it_is_never_redirected_and_has_no_other_method(web: WebApp) -> None:
    assert web.client.get("/webhook").status_code == 405
    assert web.client.put("/webhook/").status_code == 405
    assert web.client.post("/webhook//").status_code == 404


def test_a_message_is_one_line_of_the_log_and_cannot_forge_another(web: WebApp) -> None:
    with structlog.testing.capture_logs() as lines:
        web.client.post("/webhook", content=body(alert(), receiver="a\nlevel=error \x1b[2J", groupKey="{}"))

    assert len(lines) == 1
    assert lines[0]["event"] == "webhook"
    assert lines[0]["receiver"] == "a\\nlevel=error \\x1b[2J"
    assert (lines[0]["firing"], lines[0]["created"]) == (1, 1)


def test_messages_and_alerts_are_counted(web: WebApp) -> None:
    web.client.post("/webhook", content=(DATA / "0.25-mixed-truncated.json").read_bytes())
    web.client.post("/webhook", content=b"no")
    metrics = web.client.get("/metrics").text

    assert 'alertprof_webhook_alerts_total{status="firing"} 2.0' in metrics
    assert 'alertprof_webhook_alerts_total{status="resolved"} 1.0' in metrics
    assert 'alertprof_webhook_messages_total{outcome="recorded"} 1.0' in metrics
    assert 'alertprof_webhook_messages_total{outcome="refused"} 1.0' in metrics
    assert "alertprof_webhook_seconds_count 1.0" in metrics

"""Messages with something odd in them, over the whole application: an odd alert costs itself at most, never its
neighbours, and has a row that says why.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import Code
from app.intake.message import InvalidAlert, NotJson, WireAlert, fingerprint
from app.intake.salvage import salvaged
from app.ledger.ledger import Filter
from app.model import Capture, State
from tests.unit.web.api.test_webhook import alert, body
from tests.unit.web.web_app import WebApp

GOOD = alert(fingerprint="00000000000000aa")
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path)
    yield made
    made.ledger.close()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in alert().items() if key != name}


def odd_label(**labels: Any) -> dict[str, Any]:
    return alert(labels={"alertname": "HighCPU", "job": "order-mq", **labels})


def among_others(web: WebApp, odd: str) -> dict[str, Any]:
    """The answer to a message in which this stands between two sound alerts, which must not suffer."""
    neighbour = GOOD | {"fingerprint": "00000000000000ab"}
    content = f'{{"alerts": [{json.dumps(GOOD)}, {odd}, {json.dumps(neighbour)}]}}'
    answer = web.client.post("/webhook", content=content.encode("utf-8", "surrogatepass"))
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    taken = {(web.ledger.get(each) or pytest.fail("no row")).trigger.fingerprint for each in told["captures"]}
    assert {"00000000000000aa", "00000000000000ab"} <= taken
    return told


def the_odd_one(web: WebApp) -> Capture:
    (row,) = web.ledger.find(Filter(state=State.SKIPPED)).captures
    return row


UNTAKABLE: list[tuple[dict[str, Any], str]] = [
    (odd_label(long="x" * 20_000), "labels.long"),
    (odd_label(**{f"l{n}": "x" for n in range(300)}), "labels: Dictionary should have at most 256 items"),
    (odd_label(**{"n" * 1025: "x"}), "labels.nnn"),
    (odd_label(**{"": "x"}), "labels"),
    (odd_label(a=1), "labels.a"),
    (odd_label(a=None), "labels.a"),
    (odd_label(a={"b": ["c"]}), "labels.a"),
    (alert(labels=None), "labels"),
    (alert(labels=["a"]), "labels"),
    (without("labels"), "labels"),
    (without("startsAt"), "startsAt"),
    (alert(startsAt=None), "startsAt"),
    (alert(startsAt="yesterday"), "startsAt"),
    (alert(startsAt={}), "startsAt"),
    (alert(startsAt=float("nan")), "startsAt"),
    (alert(startsAt="0001-01-01T00:00:00+05:00"), "startsAt"),
    (alert(status="odd"), "status"),
    (alert(status=3), "status"),
    (alert(status=[]), "status"),
]


def test_alerts_that_cannot_be_taken_are_skipped_rows_that_name_their_fault(web: WebApp) -> None:
    odd = [each | {"fingerprint": f"odd{number}"} for number, (each, _) in enumerate(UNTAKABLE)]
    told = among_others(web, ",".join(map(json.dumps, odd)))

    assert [skipped["fingerprint"] for skipped in told["skipped"]] == [each["fingerprint"] for each in odd]
    for skipped, (_, word) in zip(told["skipped"], UNTAKABLE, strict=True):
        assert (skipped["reason"]["code"], word in skipped["reason"]["message"]) == ("invalid_alert", True), skipped
        (row,) = web.ledger.of_fingerprint(skipped["fingerprint"])
        assert row.reason and (row.state, row.reason.code) == (State.SKIPPED, Code.INVALID_ALERT)
        assert len(json.dumps(dict(row.trigger.labels)) + row.reason.message) < 32_000


@pytest.mark.parametrize("given", ["../x", "f" * 65, 5, {}])
def test_a_fingerprint_that_is_none_is_a_fault_and_one_of_ours_is_shown(web: WebApp, given: Any) -> None:
    (skipped,) = among_others(web, json.dumps(alert(fingerprint=given)))["skipped"]
    assert (skipped["reason"]["code"], len(skipped["fingerprint"])) == ("invalid_alert", 16)
    assert "fingerprint" in skipped["reason"]["message"]


def test_what_is_no_alert_at_all_costs_itself_alone(web: WebApp) -> None:
    nothings = ["null", "3", '"x"', "[]", "[[{}]]", "true", "1e999", "9" * 5000, DEEP]
    skipped = among_others(web, ",".join(nothings))["skipped"]
    assert {(each["reason"]["code"], len(each["fingerprint"])) for each in skipped} == {("invalid_alert", 16)}
    assert all("it is no JSON object" in each["reason"]["message"] for each in skipped)
    assert len({each["fingerprint"] for each in skipped}) >= 6


def test_what_can_be_done_without_costs_nothing(web: WebApp) -> None:
    odd = [
        alert(annotations={"summary": None, "description": "hot"}),
        alert(annotations={"summary": {"a": 1}, "description": "hot"}),
        alert(annotations=3),
        alert(annotations={"": "x"}),
        alert(annotations={f"a{n}": "x" for n in range(300)}),
        alert(annotations={"summary": "x" * 200_000}),
        alert(endsAt="soon"),
        alert(endsAt="9999-12-31T23:59:59-12:00"),
        alert(endsAt=None),
        alert(endsAt={}),
        alert(generatorURL=None),
        alert(generatorURL=3),
        alert(generatorURL="http://p/" + "x" * 200_000),
        without("annotations"),
        without("endsAt"),
        alert(status=None),
        without("status"),
        alert(extra={"deep": [{}]}, more=None),
    ]
    numbered = [each | {"fingerprint": f"odd{number}"} for number, each in enumerate(odd)]
    told = among_others(web, ",".join(map(json.dumps, numbered)))
    assert (len(told["captures"]), told["skipped"]) == (2 + len(odd), [])
    (row,) = web.ledger.of_fingerprint("odd0")
    assert row.trigger.annotations == {"description": "hot"}


def test_a_deep_body_of_quotes_that_are_never_closed_is_read_in_one_go() -> None:
    """It took time as the square of its length, and nobody else was served meanwhile."""
    began = time.monotonic()
    with pytest.raises(NotJson, match="no JSON"):
        salvaged(b"[" * 2000 + rb"\"" * 40_000)
    assert time.monotonic() - began < 20


def test_of_labels_without_number_none_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WireAlert, "model_validate", lambda said: pytest.fail("each of its faults is written down"))
    many = {f"l{number}": number for number in range(100_000)}
    (odd,) = salvaged(json.dumps({"alerts": [alert(labels=many)]}).encode()).alerts
    assert isinstance(odd, InvalidAlert)
    assert "labels: Dictionary should have at most 256 items, not 100000" in odd.fault
    assert len(odd.labels) == 64


@pytest.mark.parametrize("given", [{"fingerprint": ""}, {"fingerprint": None}, {}])
def test_without_a_fingerprint_an_alert_has_that_of_its_labels(web: WebApp, given: dict[str, Any]) -> None:
    told = among_others(web, json.dumps(without("fingerprint") | given))
    assert (len(told["captures"]), told["skipped"]) == (3, [])
    assert len(web.ledger.of_fingerprint(fingerprint(alert()["labels"]))) == 1


def test_texts_that_are_none_are_taken_with_a_mark_in_the_place(web: WebApp) -> None:
    texts = [
        '"a": "\\ud800"',
        '"a": "\ud800"',
        '"a": "\x00\\u0000\n"',
        '"a": "b", "a": "c"',
    ]
    rest = f'"startsAt": "2026-11-23T11:56:00Z", "x": {DEEP}, "y": {"9" * 5000}'
    odd = [f'{{"labels": {{"job": "order-mq", "n": "{n}", {text}}}, {rest}}}' for n, text in enumerate(texts)]
    told = among_others(web, ",".join(odd))
    assert (len(told["captures"]), told["skipped"]) == (2 + len(texts), [])
    kept = {row.trigger.labels.get("a") for row in web.ledger.find(Filter()).captures}
    assert kept == {None, "\ufffd", "\ufffd" * 3, "\ufffd\ufffd\n", "c"}


MORE: list[dict[str, Any]] = [
    {"receiver": None, "groupKey": None},
    {"receiver": 3, "groupKey": {}, "groupLabels": [], "version": None, "externalURL": 7},
    {"groupLabels": {"job": None}, "commonLabels": None, "commonAnnotations": 3, "routeLabels": "x"},
    {"truncatedAlerts": None},
    {"truncatedAlerts": "three"},
    {"truncatedAlerts": -3},
    {"truncatedAlerts": 10**400},
    {"truncatedAlerts": float("nan")},
    {"status": None},
    {"status": "odd"},
    {"notification_reason": None, "routeLabels": None},
]


def test_fields_of_the_message_that_are_only_logged_may_be_anything(web: WebApp) -> None:
    for number, more in enumerate(MORE):
        answer = web.client.post("/webhook", content=body(alert(fingerprint=f"m{number}"), **more))
        assert (answer.status_code, len(answer.json()["captures"])) == (202, 1), more
        assert web.client.get("/metrics").status_code == 200


def test_an_alert_that_leaves_its_status_to_a_message_with_an_odd_one_is_not_guessed_at(web: WebApp) -> None:
    told = web.client.post("/webhook", content=body(without("status"), status="odd")).json()
    assert (told["captures"], told["skipped"][0]["reason"]["code"]) == ([], "invalid_alert")


def test_a_repeat_of_an_odd_alert_is_known_and_one_that_has_been_mended_is_captured(web: WebApp) -> None:
    long = odd_label(long="x" * 20_000)
    assert web.client.post("/webhook", content=body(long)).json()["skipped"]
    again = web.client.post("/webhook", content=body(long)).json()
    assert (again["captures"], again["skipped"], len(again["known"])) == ([], [], 1)
    assert len(web.client.post("/webhook", content=body(odd_label(long="short"))).json()["captures"]) == 1


def test_an_odd_repeat_falls_on_the_capture_that_is_under_way(web: WebApp) -> None:
    (new,) = web.client.post("/webhook", content=body(alert())).json()["captures"]
    told = web.client.post("/webhook", content=body(odd_label(long="x" * 20_000))).json()
    assert told == {"captures": [], "known": [new], "skipped": []}


def test_an_odd_end_of_an_alert_still_ends_its_episode(web: WebApp) -> None:
    for odd in (
        alert(endsAt="soon"),
        alert(labels={"a": 1}),
        without("startsAt"),
        alert(endsAt="0001-01-01T00:00:00Z"),
    ):
        (new,) = web.client.post("/webhook", content=body(alert())).json()["captures"]
        told = web.client.post("/webhook", content=body(odd | {"status": "resolved"})).json()
        assert told == {"captures": [], "known": [], "skipped": []}
        ended = web.ledger.get(new)
        assert ended and ended.resolved_at == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_fingerprint_that_is_not_there_is_made_as_alertmanager_makes_it(web: WebApp) -> None:
    given = alert(
        labels={"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq", "severity": "critical"}
    )
    assert fingerprint(given["labels"]) == "69af04802c1ca7a7", "as recorded from Alertmanager 0.25"
    (new,) = web.client.post("/webhook", content=body(given | {"fingerprint": "69af04802c1ca7a7"})).json()["captures"]
    assert web.client.post("/webhook", content=body(given | {"fingerprint": ""})).json()["known"] == [new]


def test_what_the_row_of_an_odd_alert_keeps_is_bounded_and_shown_on_its_page(web: WebApp) -> None:
    many = {f"<b>{n}": "<script>" * 900 for n in range(300)} | {"alertname": "Odd", "n": 3}
    (skipped,) = web.client.post("/webhook", content=body(alert(labels=many))).json()["skipped"]
    row = the_odd_one(web)
    assert len(json.dumps(dict(row.trigger.labels))) < 64 * (128 + 256) * 6
    page = web.client.get(f"/alerts/{skipped['fingerprint']}").text
    assert "invalid_alert" in page and "<script>" not in page


def test_odd_alerts_and_those_left_out_are_counted(web: WebApp) -> None:
    web.client.post("/webhook", content=body(alert(), odd_label(a=1) | {"fingerprint": "b"}, truncatedAlerts=7))
    metrics = web.client.get("/metrics").text
    assert 'alertprof_webhook_alerts_total{status="invalid"} 1.0' in metrics
    assert 'alertprof_webhook_alerts_total{status="firing"} 1.0' in metrics
    assert "alertprof_webhook_truncated_alerts_total 7.0" in metrics


def test_explain_tells_of_an_odd_alert_what_is_wrong_with_it(web: WebApp) -> None:
    here = alert(labels={"job": "order-mq", "instance": "10.0.0.5:9100"})
    told = web.client.post("/explain", content=body(here, odd_label(a=1))).json()
    assert [each["would"] for each in told["alerts"]] == [True, False]
    assert "labels.a" in told["alerts"][1]["verdict"]

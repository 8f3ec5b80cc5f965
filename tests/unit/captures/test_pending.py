"""Which alerts Prometheus tells as pending, and answers that are none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.captures import pending
from app.captures.pending import PendingAlerts, pending_at
from tests.lab.process import eventually
from tests.unit.web.test_alertmanager import answering

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def answer(*alerts: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"alerts": alerts}}).encode()


def test_the_labels_of_pending_alerts_are_told_and_no_others() -> None:
    odd = [
        {"labels": {"a": "b"}, "state": "firing"},
        {"labels": {"a": 7}, "state": "pending"},
        "x",
        {"state": "pending"},
    ]
    large = {"labels": {"a": "b" * 70_000}, "state": "pending"}
    no_text = {"labels": {"host": "\ud800"}, "state": "pending"}
    with answering(answer(*odd, large, no_text, {"labels": {"alertname": "Hot"}, "state": "pending"})) as (url, asked):
        assert list(pending_at(url)) == [{"alertname": "Hot"}]
    assert asked == ["/prefix/api/v1/alerts"]


@pytest.mark.parametrize("wrong", [b"[]", b"{}", b"<html>", b'{"data": {"alerts": {}}}', b"[" * 200_000])
def test_an_answer_that_is_none_is_told_and_asked_again(wrong: bytes) -> None:
    taken: list[Any] = []

    def take(labels: Any, now: datetime) -> bool:
        taken.append(labels)
        return True

    with answering(wrong, answer({"labels": {"alertname": "Hot"}, "state": "pending"})) as (url, _):
        polled = PendingAlerts(url, take, lambda: NOON, every=0.01)
        polled.start()
        eventually(lambda: taken, "the pending alert is taken")
        polled.stop()
    assert taken[0] == {"alertname": "Hot"}


def test_a_fault_with_one_alert_does_not_cost_the_others() -> None:
    taken: list[str] = []

    def take(labels: Any, now: datetime) -> bool:
        if labels["n"] == "1":
            raise RuntimeError("a fault of ours")
        taken.append(labels["n"])
        return True

    alerts = [{"labels": {"n": str(n)}, "state": "pending"} for n in range(3)]
    with answering(answer(*alerts)) as (url, _):
        polled = PendingAlerts(url, take, lambda: NOON, every=0.01)
        polled.start()
        eventually(lambda: {"0", "2"} <= set(taken), "both are taken")
        polled.stop()


def test_of_more_alerts_than_there_is_room_for_one_warning_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST", 3)
    taken: list[str] = []

    def take(labels: Any, now: datetime) -> bool:
        taken.append(labels["n"])
        return len(taken) < 3

    alerts = [{"labels": {"n": str(n)}, "state": "pending"} for n in range(9)]
    with answering(answer(*alerts)) as (url, asked), capture_logs() as logged:
        polled = PendingAlerts(url, take, lambda: NOON, every=0.01)
        polled.start()
        eventually(lambda: len(asked) > 4, "it was asked again and again")
        polled.stop()
    assert set(taken) == {"0", "1", "2"}
    warnings = [each for each in logged if each["event"] == "too many pending alerts to take evidence of all"]
    assert len(warnings) == 1

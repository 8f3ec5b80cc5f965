import threading

import pytest

from app.ledger.ledger import LedgerUnavailable
from app.model import State
from tests.lab.process import eventually
from tests.unit.web.web_app import WebApp


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_healthy_while_it_answers(web: WebApp, method: str) -> None:
    web.obstacle = "the database is away"

    assert web.client.request(method, "/-/healthy").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_ready_when_nothing_stands_in_the_way(web: WebApp, method: str) -> None:
    assert web.client.request(method, "/-/ready").status_code == 200


def test_it_is_not_ready_and_says_why(web: WebApp) -> None:
    web.obstacle = "the database is away"
    answer = web.client.get("/-/ready")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "alertprof is not ready: the database is away."


def test_the_metrics_show_the_captures_in_the_ledger(web: WebApp) -> None:
    web.keep()
    web.keep_failed()
    metrics = web.client.get("/metrics").text

    assert 'alertprof_captures{state="pending"} 1.0' in metrics
    assert 'alertprof_captures{state="failed"} 1.0' in metrics
    assert 'alertprof_captures{state="completed"} 0.0' in metrics
    assert "alertprof_build_info{" in metrics
    assert "python_gc" not in metrics


def test_ended_captures_are_counted_by_state_and_reason(web: WebApp) -> None:
    web.metrics.ended(web.keep_failed())
    web.metrics.ended(web.keep_completed())
    metrics = web.client.get("/metrics").text

    assert 'alertprof_captures_ended_total{reason="process_not_found",state="failed"} 1.0' in metrics
    assert 'alertprof_captures_ended_total{reason="",state="completed"} 1.0' in metrics
    assert 'alertprof_capture_phase_seconds_sum{phase="recording"} 30.0' in metrics


def test_the_metrics_come_even_when_the_ledger_is_away(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise LedgerUnavailable("away")

    assert "alertprof_ledger_up 1.0" in web.client.get("/metrics").text
    monkeypatch.setattr(web.ledger, "counts", away)
    metrics = web.client.get("/metrics").text

    assert "alertprof_ledger_up 0.0" in metrics and "alertprof_build_info{" in metrics
    assert "alertprof_captures{" not in metrics and "alertprof_queue" not in metrics, "nothing of an earlier scrape"


def test_the_metrics_do_not_wait_for_a_database_that_is_silent(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), list[None]()

    def silent() -> dict[State, int]:
        asked.append(None)
        assert answers.wait(60)
        return {}

    monkeypatch.setattr(web.ledger, "counts", silent)
    for _ in range(2):
        assert "alertprof_ledger_up 0.0" in web.client.get("/metrics").text
    assert len(asked) == 1, "one question at a time, however many ask"
    answers.set()
    eventually(lambda: "alertprof_ledger_up 1.0" in web.client.get("/metrics").text, "it is asked again", 60)


def test_a_ledger_that_is_away_is_a_503_with_its_sentence(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise LedgerUnavailable("the disk is full; free some space")

    monkeypatch.setattr(web.ledger, "get", away)
    answer = web.client.get("/captures/x")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "the disk is full" in answer.json()["detail"]


def test_a_fault_of_our_own_is_a_500_without_its_entrails(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(web.ledger, "get", broken)
    answer = web.client.get("/captures/x")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text

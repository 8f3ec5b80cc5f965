"""What is asked for, when, and what becomes of an answer that is none; the real API is in tests/integration."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from app.intake.body import parse, to_alerts
from app.ledger.arrivals import Receipt
from app.metrics import Metrics
from app.model import Alert
from app.web import alertmanager
from app.web.alertmanager import Group, LeftOutFetcher, firing_alerts
from tests.lab import ports
from tests.lab.process import eventually
from tests.unit.web.api.test_webhook import DATA, alert, body

ANSWER = (DATA / "api" / "0.35-cut.json").read_bytes()
CUT = (DATA / "0.35-truncated.json").read_bytes()


class Taken:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.sizes: list[int] = []

    def receive(self, alerts: Sequence[Alert]) -> Future[Receipt]:
        self.sizes.append(len(alerts))
        self.alerts += alerts
        done: Future[Receipt] = Future()
        done.set_result(Receipt((), (), ()))
        return done


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these one after the other, the last one for ever; an empty one is a 500. Its address, and
    what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers[min(len(asked), len(answers)) - 1]
            self.send_response(200 if answer else 500)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/prefix/", asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def asking(url: str | None, taken: Taken, metrics: Metrics) -> Iterator[LeftOutFetcher]:
    made = LeftOutFetcher(url, taken.receive, metrics, waits=(0.01, 0.01))
    made.start()
    try:
        yield made
    finally:
        made.stop()


def fetches(metrics: Metrics, outcome: str) -> float:
    value: float = metrics.left_out_fetches.labels(outcome)._value.get()
    return value


def test_the_alerts_of_the_message_s_group_are_asked_for_and_taken_as_the_webhook_would() -> None:
    taken, metrics = Taken(), Metrics()
    with answering(b"", b"{}", ANSWER) as (url, asked), asking(url, taken, metrics) as left_out:
        left_out.ask(parse(CUT))
        eventually(lambda: fetches(metrics, "fetched"), "at the third try")
    assert asked[-1].startswith("/prefix/api/v2/alerts?")
    assert "receiver=cut" in asked[-1] and "filter=alertname%3D%22Cut%22" in asked[-1]
    assert [each.fingerprint for each in taken.alerts] == ["0c210cb003b3abbf", "aa405c7b96ba45cc", "b204e044cae411cd"]
    (in_message,) = to_alerts(parse(CUT))
    assert (taken.alerts[0].labels, taken.alerts[0].firing, taken.alerts[0].ends_at) == (in_message.labels, True, None)


def test_an_alertmanager_that_does_not_answer_is_given_up_and_told() -> None:
    taken, metrics = Taken(), Metrics()
    with asking(f"http://127.0.0.1:{ports.free()}", taken, metrics) as left_out:
        left_out.ask(parse(CUT))
        eventually(lambda: fetches(metrics, "failed"), "after three tries")
    assert taken.alerts == []


def test_what_is_logged_of_an_address_has_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    taken, metrics = Taken(), Metrics()
    with answering(b"") as (url, _), asking(url.replace("://", "://ops:s3cret@"), taken, metrics) as left_out:
        left_out.ask(parse(CUT))
        eventually(lambda: fetches(metrics, "failed"), "after three tries")
    logged = capsys.readouterr().out
    assert "500" in logged and "s3cret" not in logged


@pytest.mark.parametrize("answer", [b"[" * 200_000, b"\x1f\x8b\x08 packed", b"3"])
def test_an_answer_that_cannot_be_read_is_given_up_and_told(answer: bytes) -> None:
    taken, metrics = Taken(), Metrics()
    with answering(answer) as (url, _), asking(url, taken, metrics) as left_out:
        left_out.ask(parse(CUT))
        eventually(lambda: fetches(metrics, "failed"), "after three tries")


def test_no_more_are_recorded_at_a_time_than_a_message_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "MAX_ALERTS", 2)
    taken, metrics = Taken(), Metrics()
    with answering(ANSWER) as (url, _), asking(url, taken, metrics) as left_out:
        left_out.ask(parse(CUT))
        eventually(lambda: fetches(metrics, "fetched"), "in two parts")
    assert taken.sizes == [2, 1]


def test_nothing_is_asked_without_an_address_a_receiver_or_anything_left_out() -> None:
    taken, metrics = Taken(), Metrics()
    with answering(ANSWER) as (url, asked):
        with asking(url, taken, metrics) as left_out:
            left_out.ask(parse(body(alert(), receiver="cut")))
            left_out.ask(parse(body(alert(), truncatedAlerts=3)))
        with asking(None, taken, metrics) as left_out:
            left_out.ask(parse(CUT))
    assert asked == []


def test_silenced_inhibited_and_odd_answers_are_no_alerts() -> None:
    (sound, *_) = json.loads(ANSWER)
    odd = [None, 3, {}, {"status": "active"}, sound | {"status": {"state": "suppressed"}}, sound | {"labels": 3}]
    with answering(json.dumps([*odd, sound]).encode()) as (url, _):
        alerts = firing_alerts(url, Group("cut", ()))
    assert [bool(each.fault) for each in alerts] == [True, False]


@pytest.mark.parametrize("file", sorted(DATA.glob("0.3[45]-*.json")), ids=lambda file: file.stem)
def test_what_messages_of_the_newest_alertmanagers_say_beside_their_alerts(file: Path) -> None:
    message = parse(file.read_bytes())
    assert message.left_out == (2 if "truncated" in file.stem else 0)
    assert all(not each.fault for each in to_alerts(message))

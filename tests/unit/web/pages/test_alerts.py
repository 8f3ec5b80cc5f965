"""The page of one alert, and that of a service."""

from datetime import timedelta

import pytest

from app.errors import Code, Reason
from app.finding import CRITICAL, WARNING, Finding
from app.model import State, Step
from tests.unit.web.web_app import WebApp

ALERT = "/alerts/8a3e2b1c4d5f6071"
LOCK = Finding(CRITICAL, "one lock is held", "main.burn holds it", "mutex", ("main.burn",), "held_lock")


def page(web: WebApp, path: str) -> str:
    answer = web.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_alert_has_its_page_before_it_arrives_which_says_whether_alertmanager_has_spoken(web: WebApp) -> None:
    assert "No message of Alertmanager has arrived at all" in page(web, ALERT)
    web.client.post("/webhook", content=b'{"version":"4","status":"firing","alerts":[]}')
    assert "Nothing yet: the alert has not arrived here" in page(web, ALERT)


def test_an_alerts_page_shows_what_is_captured_for_it_now_and_before(web: WebApp) -> None:
    before = web.keep_completed(findings=(LOCK,))
    why = Reason(Code.COOLDOWN, "it was captured 3m ago")
    skipped = web.keep(state=State.SKIPPED, step=Step.DONE, due_at=None, ended_at=web.now, reason=why)
    assert "<code>cooldown</code>" in page(web, ALERT)
    newer = web.keep_completed()
    shown = page(web, ALERT)
    newest, _, older = shown.partition('<ol class="captures">')
    assert f'href="/ui/captures/{newer.id}"' in newest
    assert skipped.id in older and why.message in older and before.id in older
    assert "one lock is held" in older
    assert newer.id not in page(web, "/alerts/0000000000000000")


@pytest.mark.parametrize("wrong", ["x", "8a3e2b1c4d5f607", "%3Cscript%3E", "8a3e2b1c4d5f60711"])
def test_what_is_no_fingerprint_is_not_found(web: WebApp, wrong: str) -> None:
    assert web.client.get(f"/alerts/{wrong}").status_code == 404


def test_a_services_page_shows_findings_that_come_back_and_its_functions_over_time(web: WebApp) -> None:
    once = Finding(WARNING, "seen once", "here")
    first = web.keep_completed(findings=(LOCK, once), created_at=web.now - timedelta(hours=3))
    second = web.keep_completed(b"no profile", findings=(LOCK,))
    shown = page(web, "/ui/services/order-mq")
    returning = shown[shown.index("come back") : shown.index("Top functions")]
    assert "in 2 of 2 captures" in returning and f'href="/ui/captures/{second.id}"' in returning
    assert "main.<wbr>burn" in returning and "seen once" not in returning
    table = shown[shown.index('class="top over-time"') : shown.index("</table>")]
    assert first.id in table and second.id not in table, "its file is no profile"
    assert "70.00%" in table
    assert "1 profile was not read" in shown
    assert web.client.get("/ui/services/other").status_code == 404


def test_a_service_with_many_captures_costs_a_bounded_number_of_profiles(web: WebApp) -> None:
    for n in range(9):
        web.keep_completed(b"\x1f\x8b%d" % n)
    page(web, "/ui/services/order-mq")
    assert len(web.tops) == 6

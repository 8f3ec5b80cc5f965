"""The executables that are not signalled any more: who asks is told, and an operator takes one off the list."""

from datetime import timedelta

import pytest

from app.model import Blocked, Finding
from app.profilers.harm import id_of
from tests.unit.web.web_app import WebApp

LATER = timedelta(seconds=1)


def block(web: WebApp, build: str = "go:a/b", **different: object) -> Blocked:
    given: dict[str, object] = {
        "exe": "/srv/orders", "host": "10.0.0.5", "pid": 7, "capture": "c1", "at": web.now, "signal": "SIGUSR2",
        "message": "10.0.0.5: pid 7 (orders) ended 0.4 s after our SIGUSR2",
    }  # fmt: skip
    one = Blocked(id_of(build), build, **given | different)  # type: ignore[arg-type]
    web.ledger.block(one)
    return one


def test_what_is_blocked_is_listed_newest_first_with_all_that_is_known(web: WebApp) -> None:
    assert web.client.get("/-/blocked").json() == {"blocked": []}
    first, last = block(web), block(web, "gnu:00", at=web.now + LATER)
    shown = web.client.get("/-/blocked").json()["blocked"]
    assert [one["id"] for one in shown] == [last.id, first.id]
    assert shown[1] == {
        "id": first.id, "build": "go:a/b", "exe": "/srv/orders", "host": "10.0.0.5", "pid": 7, "capture": "c1",
        "at": "2026-11-23T12:00:00Z", "signal": "SIGUSR2",
        "message": "10.0.0.5: pid 7 (orders) ended 0.4 s after our SIGUSR2",
    }  # fmt: skip
    assert web.client.get(f"/-/blocked/{first.id}").json() == shown[1]


def test_one_is_taken_off_the_list_once_and_the_others_stay(web: WebApp) -> None:
    one, other = block(web), block(web, "gnu:00")
    assert web.client.delete(f"/-/blocked/{one.id}").status_code == 204
    assert web.ledger.blocked() == (other,)
    assert web.client.delete(f"/-/blocked/{one.id}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("unknown", ["0000000000000000", "x", "%00", "a%2Fb", "%F0%9F%92%A3", "z" * 3000])
def test_what_is_not_blocked_is_404_with_a_sentence(web: WebApp, method: str, unknown: str) -> None:
    block(web)
    answer = web.client.request(method, f"/-/blocked/{unknown}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "/-/blocked" in answer.json()["detail"] or "/docs" in answer.json()["detail"]
    assert len(answer.text) < 500 or unknown.startswith("z")
    assert len(web.ledger.blocked()) == 1


def test_the_id_has_to_be_whole(web: WebApp) -> None:
    one = block(web)
    assert web.client.delete(f"/-/blocked/{one.id[:8]}").status_code == 404
    assert web.ledger.blocked() == (one,)


def test_the_description_has_the_routes_with_an_example(web: WebApp) -> None:
    described = web.client.get("/openapi.json").json()
    assert set(described["paths"]["/-/blocked/{blocked_id}"]) == {"get", "delete"}
    assert described["components"]["schemas"]["BlockedOut"]["examples"][0]["signal"] == "SIGUSR2"


def test_the_home_page_says_what_is_blocked_and_how_it_is_allowed_again(web: WebApp) -> None:
    assert "not signalled" not in web.client.get("/").text
    one = block(web, message="10.0.0.5: pid 7 (<b>) ended 0.4 s after our SIGUSR2", capture="c1")
    shown = web.client.get("/").text.replace("<wbr>", "")  # where a name may wrap
    assert "10.0.0.5: pid 7 (&lt;b&gt;) ended 0.4 s after our SIGUSR2" in shown
    assert f"alertprof unblock {one.id}" in shown
    assert "not signalled" not in web.client.get("/alerts/8a3e2b1c4d5f6071").text


def test_of_many_that_are_blocked_the_home_page_names_the_newest(web: WebApp) -> None:
    for n in range(7):
        block(web, f"gnu:{n}", at=web.now + n * LATER)
    shown = web.client.get("/").text
    assert shown.count("alertprof unblock") == 5
    assert "2 more executables are not signalled any more" in shown


def test_a_finding_is_shown_with_its_code_and_on_the_captures_page(web: WebApp) -> None:
    finding = Finding("critical", "it ended 0.4 s after our SIGUSR2", "why <so>", code="ended_after_signal")
    capture = web.keep_completed(findings=(finding,))
    (shown,) = web.client.get(f"/captures/{capture.id}").json()["findings"]
    assert shown == {
        "severity": "critical", "title": "it ended 0.4 s after our SIGUSR2", "detail": "why <so>", "kind": "",
        "functions": [], "code": "ended_after_signal", "path": [], "refuted_by": "", "helps": "",
    }  # fmt: skip
    page = web.client.get(f"/ui/captures/{capture.id}").text.replace("<wbr>", "")
    assert "<h1>it ended 0.4 s after our SIGUSR2</h1>" in page and "why &lt;so&gt;." in page


def test_the_metrics_say_how_many_are_blocked(web: WebApp) -> None:
    assert "alertprof_blocked_executables 0.0" in web.client.get("/metrics").text
    block(web)
    assert "alertprof_blocked_executables 1.0" in web.client.get("/metrics").text

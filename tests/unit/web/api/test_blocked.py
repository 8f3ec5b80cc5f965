"""The executables that are not signalled any more: who asks is told, and an operator takes one off the list."""

from datetime import timedelta

import pytest

from app.model import Blocked, Finding
from app.profilers.harm import id_of
from tests.unit.web.house import House

LATER = timedelta(seconds=1)


def block(house: House, build: str = "go:a/b", **different: object) -> Blocked:
    given: dict[str, object] = {
        "exe": "/srv/orders", "host": "10.0.0.5", "pid": 7, "capture": "c1", "at": house.now, "signal": "SIGUSR2",
        "message": "10.0.0.5: pid 7 (orders) ended 0.4 s after our SIGUSR2",
    }  # fmt: skip
    one = Blocked(id_of(build), build, **given | different)  # type: ignore[arg-type]
    house.ledger.block(one)
    return one


def test_what_is_blocked_is_listed_newest_first_with_all_that_is_known(house: House) -> None:
    assert house.client.get("/-/blocked").json() == {"blocked": []}
    first, last = block(house), block(house, "gnu:00", at=house.now + LATER)
    shown = house.client.get("/-/blocked").json()["blocked"]
    assert [one["id"] for one in shown] == [last.id, first.id]
    assert shown[1] == {
        "id": first.id, "build": "go:a/b", "exe": "/srv/orders", "host": "10.0.0.5", "pid": 7, "capture": "c1",
        "at": "2026-11-23T12:00:00Z", "signal": "SIGUSR2",
        "message": "10.0.0.5: pid 7 (orders) ended 0.4 s after our SIGUSR2",
    }  # fmt: skip
    assert house.client.get(f"/-/blocked/{first.id}").json() == shown[1]


def test_one_is_taken_off_the_list_once_and_the_others_stay(house: House) -> None:
    one, other = block(house), block(house, "gnu:00")
    assert house.client.delete(f"/-/blocked/{one.id}").status_code == 204
    assert house.ledger.blocked() == (other,)
    assert house.client.delete(f"/-/blocked/{one.id}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("unknown", ["0000000000000000", "x", "%00", "a%2Fb", "%F0%9F%92%A3", "z" * 3000])
def test_what_is_not_blocked_is_404_with_a_sentence(house: House, method: str, unknown: str) -> None:
    block(house)
    answer = house.client.request(method, f"/-/blocked/{unknown}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "/-/blocked" in answer.json()["detail"] or "/docs" in answer.json()["detail"]
    assert len(answer.text) < 500 or unknown.startswith("z")
    assert len(house.ledger.blocked()) == 1


def test_the_id_has_to_be_whole(house: House) -> None:
    one = block(house)
    assert house.client.delete(f"/-/blocked/{one.id[:8]}").status_code == 404
    assert house.ledger.blocked() == (one,)


def test_the_description_has_the_routes_with_an_example(house: House) -> None:
    described = house.client.get("/openapi.json").json()
    assert set(described["paths"]["/-/blocked/{blocked_id}"]) == {"get", "delete"}
    assert described["components"]["schemas"]["BlockedOut"]["examples"][0]["signal"] == "SIGUSR2"


def test_the_home_page_says_what_is_blocked_and_how_it_is_allowed_again(house: House) -> None:
    assert "not signalled" not in house.client.get("/").text
    one = block(house, message="10.0.0.5: pid 7 (<b>) ended 0.4 s after our SIGUSR2", capture="c1")
    shown = house.client.get("/").text
    assert "10.0.0.5: pid 7 (&lt;b&gt;) ended 0.4 s after our SIGUSR2" in shown
    assert f"alertprof unblock {one.id}" in shown
    assert "not signalled" not in house.client.get("/alerts/8a3e2b1c4d5f6071").text


def test_of_many_that_are_blocked_the_home_page_names_the_newest(house: House) -> None:
    for n in range(7):
        block(house, f"gnu:{n}", at=house.now + n * LATER)
    shown = house.client.get("/").text
    assert shown.count("alertprof unblock") == 5
    assert "2 more executables are not signalled any more" in shown


def test_a_finding_is_shown_with_its_code_and_on_the_captures_page(house: House) -> None:
    finding = Finding("critical", "it ended 0.4 s after our SIGUSR2", "why <so>", code="ended_after_signal")
    capture = house.keep_completed(findings=(finding,))
    (shown,) = house.client.get(f"/captures/{capture.id}").json()["findings"]
    assert shown == {
        "severity": "critical", "title": "it ended 0.4 s after our SIGUSR2", "detail": "why <so>", "kind": "",
        "functions": [], "code": "ended_after_signal",
    }  # fmt: skip
    assert "it ended 0.4 s after our SIGUSR2: why &lt;so&gt;" in house.client.get(f"/ui/captures/{capture.id}").text


def test_the_metrics_say_how_many_are_blocked(house: House) -> None:
    assert "alertprof_blocked_executables 0.0" in house.client.get("/metrics").text
    block(house)
    assert "alertprof_blocked_executables 1.0" in house.client.get("/metrics").text

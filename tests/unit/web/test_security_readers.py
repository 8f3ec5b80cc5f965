"""Profiles that take long to read keep few processes, and no request for long."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.analysis.top import Top
from app.web import profiles
from tests.unit.web.web_app import WebApp


def test_a_profile_too_many_is_told_to_come_again_and_read_when_there_is_room(
    web: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "TIMEOUT", 0.05)
    captures = [web.keep_completed(b"\x1f\x8b%d" % number) for number in range(profiles.READERS + 1)]
    reading, go, make = threading.Semaphore(0), threading.Event(), web.top

    def slowly(path: Path, n: int, sample_type: str | None) -> Top:
        reading.release()
        assert go.wait(60)
        return make(path, n, sample_type)

    monkeypatch.setattr(web, "top", slowly)
    client = web.reached_by()
    with ThreadPoolExecutor() as pool:
        first = [pool.submit(client.get, f"/captures/{capture.id}/top") for capture in captures[:-1]]
        for _ in first:
            assert reading.acquire(timeout=60)
        for what in ("top", "flamegraph"):
            refused = client.get(f"/captures/{captures[-1].id}/{what}")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert "try again" in refused.json()["detail"]
        go.set()
        assert [answer.result().status_code for answer in first] == [200] * profiles.READERS
    assert client.get(f"/captures/{captures[-1].id}/top").status_code == 200


def test_a_profile_that_cannot_be_read_gives_its_place_back(web: WebApp) -> None:
    for number in range(profiles.READERS * 2):
        capture = web.keep_completed(b"no profile %d" % number)
        for what in ("top", "flamegraph"):
            assert web.client.get(f"/captures/{capture.id}/{what}").status_code == 422

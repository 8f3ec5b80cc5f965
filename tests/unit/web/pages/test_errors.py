"""Errors are pages for people and problem+json for programs, by what a request accepts."""

from pathlib import Path

import pytest

from app.web.auth.tokens import Tokens
from tests.unit.web.web_app import WebApp

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
BROWSER = {"accept": CHROMIUM, "accept-language": "en"}
LOST = "/ui/captures/%3Cb%3Elost"


@pytest.mark.parametrize(
    ("path", "status", "wrong", "detail"),
    [
        (LOST, 404, "There is nothing here", "There is no capture &#39;&lt;b&gt;lost&#39;"),
        ("/ui/nothing", 404, "There is nothing here", "There is nothing at /ui/nothing"),
        ("/alerts/%22", 404, "There is nothing here", "is no alert&#39;s fingerprint"),
        ("/?limit=many", 422, "This cannot be answered", "limit: Input should be a valid integer"),
        ("/captures/lost", 404, "There is nothing here", "There is no capture"),
        ("/ui/captures/lost/change/stop", 404, "There is nothing here", "There is no capture"),
    ],
)
def test_a_browser_gets_a_page_that_says_what_is_wrong_and_what_to_do(
    web: WebApp, path: str, status: int, wrong: str, detail: str
) -> None:
    answer = web.client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    text = answer.text.replace("<wbr>", "")
    assert f"<h1>{wrong} <small>{status}</small></h1>" in text and detail in text
    assert "GET /" not in text, "a request is nothing for people"
    assert '<a href="/">Captures</a>' in text and "accept" in answer.headers["vary"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0"])
def test_a_program_gets_the_same_problem_as_before(web: WebApp, accept: str) -> None:
    for path in (LOST, "/?limit=many", "/captures/lost"):
        answer = web.client.get(path, headers={"accept": accept})
        assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]
        assert "accept" not in answer.headers.get("vary", "").split(", ")


def test_who_has_no_token_is_asked_for_one_and_learns_nothing_else(web: WebApp, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("operator-1")
    web.tokens = Tokens(operator_file=tmp_path / "token")
    web.ledger.pause(web.now, "mallory")
    answer = web.client.get("/ui/nothing?lang=zh-Hans", headers=BROWSER)
    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic")
    assert '<html lang="zh-Hans">' in answer.text and "auth.<wbr>operator_<wbr>token_<wbr>file" in answer.text
    assert "mallory" not in answer.text and "<script" not in answer.text
    assert web.client.get("/static/style.css").status_code == 200, "the page has its colours"
    assert web.client.get("/static/times.js").status_code == 401


def test_a_fault_of_our_own_and_a_ledger_that_is_away_are_pages_too(
    web: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(web.ledger, "get", broken)
    monkeypatch.setattr(web.ledger, "paused", broken)
    answer = web.client.get("/ui/captures/x", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "its log has the details" in answer.text and "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_webhook_answers_a_problem_whatever_is_accepted(web: WebApp) -> None:
    answer = web.client.post("/webhook", content=b"nonsense", headers=BROWSER)
    assert answer.headers["content-type"] == "application/problem+json"

"""Who may, from where, how much; and the headers of every answer."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.model import State
from app.web.auth.tokens import Tokens, is_loopback
from app.web.auth.tokens_file import TokensUnreadable, read_tokens
from tests.unit.web.web_app import EXTERNAL, WebApp

ALERT = b'{"alerts":[{"labels":{"job":"order-mq"},"startsAt":"2026-11-23T11:56:00Z"}]}'


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def locked(web: WebApp, tmp_path: Path) -> WebApp:
    webhook, operator = tmp_path / "webhook.token", tmp_path / "operator.token"
    webhook.write_text("alerts-1\nalerts-2\n")
    operator.write_text("\n  people-1  \npeople-2")
    web.tokens = Tokens(webhook, operator)
    web.client = web.reached_by()
    return web


@pytest.mark.parametrize("path", ["/", "/captures", "/metrics", "/-/pause", "/docs", "/openapi.json", "/nothing"])
def test_everything_but_the_webhook_needs_a_token_of_the_operator(locked: WebApp, path: str) -> None:
    refused = locked.client.get(path)

    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert "Bearer" in refused.headers["www-authenticate"]
    assert "auth.operator_token_file" in refused.json()["detail"]
    assert locked.client.get(path, headers=bearer("alerts-1")).status_code == 401
    assert {locked.client.get(path, headers=bearer(t)).status_code for t in ("people-1", "people-2")} <= {200, 404, 405}


def test_the_webhook_needs_a_token_of_its_own(locked: WebApp) -> None:
    def sent(headers: dict[str, str]) -> int:
        return locked.client.post("/webhook", content=ALERT, headers=headers).status_code

    assert [sent({}), sent(bearer("people-1")), sent(bearer(""))] == [401, 401, 401]
    assert not any(locked.ledger.counts().values())
    assert [sent(bearer("alerts-1")), sent(bearer("alerts-2"))] == [202, 202]


def test_the_password_of_http_basic_is_taken_as_a_token(locked: WebApp) -> None:
    assert locked.client.get("/captures", auth=("any", "people-2")).status_code == 200
    assert locked.client.get("/captures", auth=("any", "wrong")).status_code == 401


@pytest.mark.parametrize(
    "header", ["people-1", "Bearer", "Basic ###", "Basic " + "w7w=", "Digest people-1", "Bearer people-1 x"]
)
def test_a_header_that_is_no_credential_opens_nothing(locked: WebApp, header: str) -> None:
    assert locked.client.get("/captures", headers={"authorization": header}).status_code == 401


def test_a_new_token_counts_at_once_and_an_old_one_no_more(locked: WebApp, tmp_path: Path) -> None:
    (tmp_path / "operator.token").write_text("people-3")

    assert locked.client.get("/captures", headers=bearer("people-3")).status_code == 200
    assert locked.client.get("/captures", headers=bearer("people-1")).status_code == 401


@pytest.mark.parametrize("content", [None, "", " \n "])
def test_without_readable_tokens_nobody_is_let_in(locked: WebApp, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "operator.token"
    file.unlink() if content is None else file.write_text(content)
    refused = locked.client.get("/captures", headers=bearer(""))

    assert refused.status_code == 503
    assert str(file) in refused.json()["detail"]
    with pytest.raises(TokensUnreadable, match=str(file)):
        read_tokens(file)


def test_with_one_file_the_operators_tokens_open_the_webhook_and_never_the_other_way(tmp_path: Path) -> None:
    (file := tmp_path / "token").write_text("t")

    assert Tokens(operator_file=file).allows_token("POST", "/webhook", "Bearer t")
    assert not Tokens(operator_file=file).allows_token("POST", "/webhook", None)
    assert Tokens(webhook_file=file).allows_token("POST", "/captures", None)
    assert not Tokens(webhook_file=file).allows_token("POST", "/webhook/", None)


@pytest.fixture
def watched(locked: WebApp, tmp_path: Path) -> WebApp:
    """Somebody may only look, and somebody may only read the metrics."""
    viewer, metrics = tmp_path / "viewer.token", tmp_path / "metrics.token"
    viewer.write_text("guest")
    metrics.write_text("prometheus")
    locked.tokens = replace(locked.tokens, viewer_file=viewer, metrics_file=metrics)
    locked.client = locked.reached_by()
    return locked


def test_a_viewer_sees_everything_and_changes_nothing(watched: WebApp) -> None:
    capture = watched.keep_completed()
    for path in ("/", "/captures", "/metrics", "/-/config", f"/captures/{capture.id}", f"/ui/captures/{capture.id}"):
        assert watched.client.get(path, headers=bearer("guest")).status_code == 200
    for method, path in (
        ("POST", "/capture"), ("POST", "/webhook"), ("POST", "/-/pause"), ("POST", "/-/reload"), ("POST", "/explain"),
        ("POST", f"/captures/{capture.id}/stop"), ("DELETE", f"/captures/{capture.id}"),
    ):  # fmt: skip
        refused = watched.client.request(method, path, headers=bearer("guest"))
        assert refused.status_code == 403
        assert "may only look; " + method in refused.json()["detail"]
    assert watched.ledger.paused() is None
    assert watched.client.get(f"/captures/{capture.id}", headers=bearer("people-1")).status_code == 200


def test_whoever_may_read_the_metrics_reads_nothing_else(watched: WebApp) -> None:
    assert watched.client.get("/metrics", headers=bearer("prometheus")).status_code == 200
    assert watched.client.head("/metrics", headers=bearer("prometheus")).status_code in (200, 405)
    for path in ("/", "/captures", "/metrics/", "/-/config"):
        refused = watched.client.get(path, headers=bearer("prometheus"))
        assert refused.status_code == 401
        assert "auth.operator_token_file or auth.viewer_token_file" in refused.json()["detail"]
    assert watched.client.post("/-/pause", headers=bearer("prometheus")).status_code == 401


def test_a_file_that_cannot_be_read_shuts_out_only_those_whose_tokens_it_had(watched: WebApp, tmp_path: Path) -> None:
    (tmp_path / "viewer.token").unlink()
    assert watched.client.get("/captures", headers=bearer("people-1")).status_code == 200
    refused = watched.client.get("/captures", headers=bearer("guest"))
    assert (refused.status_code, "viewer.token" in refused.json()["detail"]) == (503, True)


def test_a_part_is_not_opened_where_the_whole_is_open() -> None:
    for partly in (Tokens(viewer_file=Path("v")), Tokens(metrics_file=Path("m"))):
        assert "guard the whole by auth.operator_token_file" in (partly.refusal("127.0.0.1") or "")
        assert replace(partly, operator_file=Path("o")).refusal("127.0.0.1") is None
        assert replace(partly, certified=True).refusal("127.0.0.1"), "a certificate alone opens more than the token"


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "example.com"])
def test_without_an_operators_token_only_loopback_is_listened_on(host: str) -> None:
    assert "set auth.operator_token_file" in (Tokens().refusal(host) or "")
    assert Tokens(webhook_file=Path("w")).refusal(host)
    assert Tokens(operator_file=Path("o")).refusal(host) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_is_always_listened_on(host: str) -> None:
    assert is_loopback(host)
    assert Tokens().refusal(host) is None


OTHER_SITES = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:3000"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": EXTERNAL, "sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_what_another_sites_page_sends_is_refused(web: WebApp, headers: dict[str, str]) -> None:
    capture = web.keep_completed()
    answers = [
        web.client.post("/capture", json={"host": "h", "pid": 7}, headers=headers),
        web.client.post("/webhook", content=ALERT, headers=headers),
        web.client.post("/-/pause", headers=headers),
        web.client.post(f"/captures/{capture.id}/stop", headers=headers),
        web.client.delete(f"/captures/{capture.id}", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert web.ledger.paused() is None
    assert web.ledger.counts()[State.PENDING] == 0


@pytest.mark.parametrize(
    "headers", [{}, {"origin": EXTERNAL}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]
)
def test_what_our_own_pages_and_programs_send_is_taken(web: WebApp, headers: dict[str, str]) -> None:
    assert web.client.post("/capture", json={"host": "h", "pid": 7}, headers=headers).status_code == 202


def test_a_page_behind_a_proxy_is_ours_by_its_external_address(web: WebApp) -> None:
    behind = web.reached_by(base_url="http://127.0.0.1:9911")

    assert behind.post("/-/pause", headers={"origin": EXTERNAL}).status_code == 200


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_a_link_on_another_site_may_lead_here(web: WebApp, headers: dict[str, str]) -> None:
    assert web.client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/captures", "/nothing", "/static/style.css", "/-/healthy"])
def test_every_answer_forbids_inline_scripts_frames_and_guesses(web: WebApp, path: str) -> None:
    headers = web.client.get(path).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"

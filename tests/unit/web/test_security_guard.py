"""Who is let in without a token, by which name, and with which password."""

from pathlib import Path

import bcrypt
import pytest

from app.web.auth.guard import host_name
from app.web.auth.tokens import Tokens
from app.web.auth.users import Users
from tests.unit.web.web_app import EXTERNAL, WebApp

ALERT = b'{"alerts":[{"labels":{"job":"order-mq"},"startsAt":"2026-11-23T11:56:00Z"}]}'
SECRET = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()


def known(web: WebApp, tokens: Tokens) -> WebApp:
    web.tokens = tokens
    web.client = web.reached_by()
    return web


@pytest.fixture
def with_users(web: WebApp) -> WebApp:
    return known(web, Tokens(users=Users(lambda: {"alice": SECRET})))


@pytest.fixture
def with_all(web: WebApp, tmp_path: Path) -> WebApp:
    webhook, operator = tmp_path / "webhook.token", tmp_path / "operator.token"
    webhook.write_text("alerts")
    operator.write_text("people")
    return known(web, Tokens(webhook, operator, users=Users(lambda: {"alice": SECRET})))


# --- probes ---


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_probe_needs_no_key(with_all: WebApp, method: str, path: str) -> None:
    assert with_all.client.request(method, path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/-/healthy"), ("DELETE", "/-/ready"), ("GET", "/-/healthy/"), ("GET", "//-/ready"), ("GET", "/-/Ready")],
)
def test_what_only_resembles_a_probe_needs_a_key(with_all: WebApp, method: str, path: str) -> None:
    assert with_all.client.request(method, EXTERNAL + path).status_code == 401


# --- names ---

OURS = ["127.0.0.1:9911", "localhost", "LOCALHOST:1", "[::1]:9911", "127.8.8.8", "alertprof.example.com", EXTERNAL[7:]]
REBOUND = [
    "evil.example", "evil.example:9911", "0.0.0.0:9911", "10.0.0.5", "localhost.evil.example", "127.0.0.1.evil.example",
    "[::]:9911", "[fe80::1]", "", "[", "a b", "evil.example@127.0.0.1", "127.0.0.1@evil.example", "2130706433",
]  # fmt: skip


@pytest.mark.parametrize("host", OURS)
def test_without_keys_loopback_and_our_own_name_are_answered(web: WebApp, host: str) -> None:
    assert web.client.get("/captures", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", [name for name in REBOUND if not name.endswith("@127.0.0.1")])
def test_without_keys_no_other_name_is_answered(web: WebApp, host: str) -> None:
    refused = web.client.get("/captures", headers={"host": host})
    alert = web.client.post("/webhook", content=ALERT, headers={"host": host, "origin": f"http://{host}"})

    assert refused.status_code == 400
    assert "--web.external-url" in refused.json()["detail"]
    assert alert.status_code in (400, 403)
    assert not any(web.ledger.counts().values())


def test_with_keys_any_name_is_answered(with_all: WebApp) -> None:
    headers = {"host": "alertprof.internal", "authorization": "Bearer people"}

    assert with_all.client.get("/captures", headers=headers).status_code == 200


def test_with_client_certificates_any_name_is_answered(web: WebApp) -> None:
    certified = known(web, Tokens(certified=True))

    assert certified.client.get("/captures", headers={"host": "alertprof.internal"}).status_code == 200


def test_a_token_for_the_webhook_alone_leaves_the_rest_to_this_machine(web: WebApp, tmp_path: Path) -> None:
    (file := tmp_path / "token").write_text("alerts")
    known(web, Tokens(webhook_file=file))

    assert web.client.get("/captures", headers={"host": "evil.example"}).status_code == 400
    assert web.client.get("/captures", headers={"host": "localhost"}).status_code == 200


def test_the_name_in_a_host_header_is_found_whatever_it_is() -> None:
    assert [host_name(text) for text in ("A.b:1", "[::1]:9", "[", "", "x/y")] == ["a.b", "::1", "", "", "x"]


@pytest.mark.parametrize("origin", ["null", "", "http://", "http://[", "http://]:80", "\x80", "http://evil.example/"])
def test_an_origin_that_is_none_is_refused_and_no_fault(web: WebApp, origin: str) -> None:
    sent = web.client.post("/-/pause", headers=[(b"origin", origin.encode("latin-1")), (b"host", b"localhost")])

    assert sent.status_code == 403


def test_a_wrong_method_is_told_all_that_an_address_answers_to(web: WebApp) -> None:
    allowed = [web.client.put(path).headers["allow"] for path in ("/captures/x", "/webhook", "/-/ready")]

    assert allowed == ["GET, HEAD, DELETE", "POST", "GET, HEAD"]


# --- users ---


def test_a_user_opens_everything(with_users: WebApp) -> None:
    alice = ("alice", "s3cret")

    assert with_users.client.get("/captures", auth=alice).status_code == 200
    assert with_users.client.post("/webhook", content=ALERT, auth=alice).status_code == 202


@pytest.mark.parametrize(
    "auth", [("alice", "wrong"), ("alice", ""), ("", "s3cret"), ("bob", "s3cret"), ("alice", "s3")]
)
def test_nobody_else_opens_anything(with_users: WebApp, auth: tuple[str, str]) -> None:
    answers = [
        with_users.client.get("/captures", auth=auth),
        with_users.client.post("/webhook", content=ALERT, auth=auth),
        with_users.client.get("/captures"),
        with_users.client.get("/captures", headers={"authorization": "Bearer s3cret"}),
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert "basic_auth_users" in answers[0].json()["detail"]
    assert not any(with_users.ledger.counts().values())


def test_tokens_and_users_stand_beside_each_other(with_all: WebApp) -> None:
    def operator(**how: object) -> int:
        return with_all.client.get("/captures", **how).status_code  # type: ignore[arg-type]

    def webhook(**how: object) -> int:
        return with_all.client.post("/webhook", content=ALERT, **how).status_code  # type: ignore[arg-type]

    alice, people, alerts = ("alice", "s3cret"), {"authorization": "Bearer people"}, {"authorization": "Bearer alerts"}
    assert [operator(auth=alice), operator(headers=people), operator(headers=alerts)] == [200, 200, 401]
    assert [webhook(auth=alice), webhook(headers=alerts), webhook(headers=people)] == [202, 202, 401]


def test_a_refusal_never_says_a_name_or_a_secret(with_all: WebApp) -> None:
    told = with_all.client.get("/captures", auth=("alice", "n0t-it")).text

    assert not [word for word in ("alice", "n0t-it", "people", SECRET) if word in told]


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::"])
def test_users_or_required_certificates_allow_an_open_address_and_nothing_less_does(host: str) -> None:
    assert Tokens(users=Users(lambda: {"alice": SECRET})).refusal(host) is None
    assert Tokens(certified=True).refusal(host) is None
    assert "basic_auth_users" in (Tokens().refusal(host) or "")
    assert Tokens(webhook_file=Path("w")).refusal(host)

"""Pages of origins that the operator allows read artifacts, and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest
from httpx2 import Response

from app.web.auth.tokens import Tokens
from tests.unit.web.web_app import CPU, WebApp

VIEWER = "https://viewer.example.com"
OPENED = "access-control-allow-origin"


@pytest.fixture
def allowing(web: WebApp) -> WebApp:
    web.cors_origin = r"https://(viewer|speedscope)\.example\.com"
    web.client = web.reached_by()
    return web


def artifact(web: WebApp, **more: object) -> str:
    return f"/captures/{web.keep_completed(**more).id}/artifacts/{CPU}"  # type: ignore[arg-type]


def from_origin(web: WebApp, path: str, origin: str = VIEWER, method: str = "GET", **headers: str) -> Response:
    return web.client.request(method, path, headers={"origin": origin, **headers})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_allowed_page_reads_an_artifact(allowing: WebApp, method: str) -> None:
    answer = from_origin(allowing, artifact(allowing), method=method)

    assert answer.status_code == 200
    assert answer.headers[OPENED] == VIEWER
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_by_default_no_page_reads_anything(web: WebApp) -> None:
    answer = from_origin(web, artifact(web))

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin",
    [
        "https://viewer.example.com.evil.example", "https://evil.example/https://viewer.example.com",
        "http://viewer.example.com", "https://viewer.example.com:444", "https://viewerxexample.com", "null", "",
        "https://viewer.example.com\t", "https://viewer.example.com/", "x" * 5000,
    ],
)  # fmt: skip
def test_the_expression_has_to_match_the_whole_origin(allowing: WebApp, origin: str) -> None:
    answer = from_origin(allowing, artifact(allowing), origin)

    assert OPENED not in answer.headers
    assert answer.headers["vary"] == "Origin", "a cache keeps it from the answers to others"


@pytest.mark.parametrize(
    "path",
    ["/", "/captures", "/captures/{id}", "/captures/{id}/links", "/captures/{id}/top", "/ui/captures/{id}", "/metrics"],
)
def test_nothing_but_artifacts_is_opened(allowing: WebApp, path: str) -> None:
    capture = allowing.keep_completed()
    answer = from_origin(allowing, path.format(id=capture.id))

    assert answer.status_code == 200
    assert OPENED not in answer.headers


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_nothing_but_reading_is_opened(allowing: WebApp, method: str) -> None:
    answer = from_origin(allowing, artifact(allowing), method=method)

    assert answer.status_code == 403
    assert OPENED not in answer.headers


def test_a_viewer_can_read_why_it_is_refused(allowing: WebApp, tmp_path: Path) -> None:
    (file := tmp_path / "token").write_text("people")
    allowing.tokens = Tokens(operator_file=file)
    allowing.client = allowing.reached_by()
    path = artifact(allowing)
    refused = [from_origin(allowing, path), from_origin(allowing, f"/links/1.x{path}")]
    missing = from_origin(allowing, path + ".none", authorization="Bearer people")

    assert [answer.status_code for answer in (*refused, missing)] == [401, 403, 404]
    assert {answer.headers[OPENED] for answer in (*refused, missing)} == {VIEWER}


def test_a_signed_link_is_read_by_an_allowed_page(allowing: WebApp, tmp_path: Path) -> None:
    (file := tmp_path / "token").write_text("people")
    allowing.tokens = Tokens(operator_file=file)
    allowing.client = allowing.reached_by()
    capture = allowing.keep_completed(b"\x1f\x8bprofile")
    links = allowing.client.get(f"/captures/{capture.id}/links", headers={"authorization": "Bearer people"}).json()
    answer = from_origin(allowing, links["links"][0]["href"])

    assert (answer.content, answer.headers[OPENED]) == (b"\x1f\x8bprofile", VIEWER)


def test_a_page_may_ask_for_parts_of_a_file_and_send_no_token(allowing: WebApp) -> None:
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "range"}
    path = artifact(allowing)
    may = from_origin(allowing, path, method="OPTIONS", **asked)
    other = from_origin(allowing, path, "https://evil.example", "OPTIONS", **asked)

    assert (may.status_code, may.headers[OPENED]) == (204, VIEWER)
    assert may.headers["access-control-allow-methods"] == "GET, HEAD"
    assert may.headers["access-control-allow-headers"] == "Range, If-Range, If-None-Match"
    assert may.headers["x-content-type-options"] == "nosniff"
    assert other.status_code == 405
    assert OPENED not in other.headers


def test_a_sandboxed_page_reads_a_signed_link_whatever_is_allowed_and_nothing_else(web: WebApp) -> None:
    path = artifact(web)
    link = web.tokens.links.signed(path, web.now + timedelta(minutes=1))
    assert from_origin(web, link, "null").headers[OPENED] == "null"
    assert OPENED not in from_origin(web, link).headers, "a page of another site"
    assert OPENED not in from_origin(web, path, "null").headers
    assert OPENED not in from_origin(web, f"/links/1.{'x' * 43}/captures", "null").headers

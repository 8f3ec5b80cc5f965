"""Which requests are written to the audit log, and what is said of them."""

import base64
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.web.auth.audit import Audit
from app.web.auth.tokens import Tokens

ID = "019a0000-0000-7000-8000-000000000001"


@pytest.fixture
def written() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def client(tmp_path: Path, written: list[dict[str, Any]]) -> TestClient:
    """Answers 202 with a Location, or the status that the query names."""

    def answer(request: Request) -> Response:
        created = {"location": f"/captures/{ID}"} if request.url.path == "/capture" else {}
        return Response(status_code=int(request.query_params.get("status", 202)), headers=created)

    (tmp_path / "operators").write_text("word\n")
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])
    tokens = Tokens(operator_file=tmp_path / "operators")
    return TestClient(Audit(app, lambda event, **said: written.append({"event": event, **said}), lambda: tokens))


def test_who_asked_for_a_capture_is_written_with_the_captures_id_and_never_the_token(
    client: TestClient, written: list[dict[str, Any]]
) -> None:
    client.post("/capture?x=secret", headers={"authorization": "Bearer word", "x-forwarded-for": "10.9.9.9"})
    assert written == [
        {
            "event": "request", "who": "auth.operator_token_file", "client": "testclient", "forwarded_for": "10.9.9.9",
            "method": "POST", "path": "/capture", "status": 202, "capture_id": ID,
        }
    ]  # fmt: skip


def test_a_user_is_written_by_name_and_one_who_is_turned_away_without(
    client: TestClient, written: list[dict[str, Any]]
) -> None:
    ann = {"authorization": "Basic " + base64.b64encode(b"ann:pass").decode()}
    client.delete(f"/captures/{ID}", headers=ann)
    client.get("/captures?status=401", headers=ann)
    assert [(each["who"], each["capture_id"], each["status"]) for each in written] == [
        ("ann", ID, 202),
        ("", None, 401),
    ]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/captures", False), (f"/captures/{ID}", False), ("/metrics", False), (f"/captures/{ID}/artifacts", False),
        (f"/captures/{ID}/artifacts/a.pprof", True), (f"/captures/{ID}/bundle", True),
    ],
)  # fmt: skip
def test_of_requests_that_only_read_those_for_files_are_written(
    client: TestClient, written: list[dict[str, Any]], path: str, told: bool
) -> None:
    client.get(path)
    assert bool(written) == told


def test_of_a_signed_link_what_opens_the_file_is_not_written(client: TestClient, written: list[dict[str, Any]]) -> None:
    client.get("/links/secret/captures/x/artifacts/y")
    assert [each["path"] for each in written] == ["/links/…"]

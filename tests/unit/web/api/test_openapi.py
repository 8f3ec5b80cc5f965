"""GET /openapi.json is right: its linter finds nothing, its examples fit, and it says what the routes do."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from app.errors import Code
from app.model import Kind, State
from app.web.auth.tokens import Tokens
from tests.lab import npm
from tests.unit.web.web_app import EXTERNAL, WebApp

REDOCLY = ("@redocly/cli", "2.77.0", "407a02e97db09453466dad4862078ffd9645bfca41f312612b599a5269602bad")  # MIT
# The test's service is at example.com; a probe has no client that could be wrong.
NOT_HERE = ("--skip-rule=no-server-example.com", "--skip-rule=operation-4xx-response")


@pytest.fixture
def document(web: WebApp) -> dict[str, Any]:
    made: dict[str, Any] = web.client.get("/openapi.json").json()
    return made


def examples(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each example of the document, with its schema."""
    for schema in document["components"]["schemas"].values():
        yield from ((schema, example) for example in schema.get("examples", ()))
    for path in document["paths"].values():
        for operation in path.values():
            told = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (one for each in told for one in each.get("content", {}).values()):
                if "example" in content and "schema" in content:
                    yield content["schema"], content["example"]
                yield from ((content["schema"], one["value"]) for one in content.get("examples", {}).values())


def test_redocly_finds_no_fault(document: dict[str, Any], tmp_path: Path) -> None:
    if not shutil.which("node"):
        pytest.skip("the description of the API is NOT linted: there is no node here (Debian's nodejs)")
    try:
        cli = npm.package(*REDOCLY) / "bin" / "cli.js"
    except npm.Unavailable as reason:
        pytest.skip(str(reason))
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = ["node", str(cli), "lint", "openapi.json", "--extends=recommended-strict", "--format=stylish", *NOT_HERE]
    env = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for schema, example in examples(document):
        jsonschema_rs.validate({**schema, "components": document["components"]}, example)
        checked += 1
    assert checked > 40


def test_states_kinds_and_reasons_are_enumerated(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["State"]["enum"] == list(State)
    assert schemas["Kind"]["enum"] == list(Kind)
    assert schemas["Code"]["enum"] == list(Code)


def test_operations_are_named_by_what_they_do(document: dict[str, Any]) -> None:
    named = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len({*named}) == len(named)
    assert {"createCapture", "listCaptures", "getCapture", "deleteCapture", "getTop", "sendMessage"} <= {*named}
    assert document["servers"] == [{"url": EXTERNAL}]


def test_what_a_client_has_to_expect_is_declared(document: dict[str, Any]) -> None:
    made = document["paths"]["/capture"]["post"]
    assert set(made["responses"]) >= {"202", "401", "409", "422"}
    assert "Location" in made["responses"]["202"]["headers"]
    one = document["paths"]["/captures/{capture_id}"]
    assert set(one["get"]["responses"]) >= {"200", "304", "401", "404"}
    assert set(one["delete"]["responses"]) >= {"204", "401", "403", "404", "409"}


def test_each_operation_says_which_credentials_open_it(document: dict[str, Any]) -> None:
    def opened_by(method: str, path: str) -> set[str]:
        return {name for each in document["paths"][path][method]["security"] for name in each}

    assert opened_by("get", "/-/ready") == set()
    assert opened_by("post", "/webhook") == {"webhookToken", "operatorToken", "user"}
    assert opened_by("post", "/capture") == {"operatorToken", "user"}
    assert opened_by("get", "/captures") == {"operatorToken", "user", "viewerToken"}
    assert opened_by("get", "/metrics") == {"operatorToken", "user", "viewerToken", "metricsToken"}
    assert set(document["components"]["securitySchemes"]) == opened_by("get", "/metrics") | {"webhookToken"}


def test_a_service_that_asks_for_no_credentials_says_so(web: WebApp, tmp_path: Path) -> None:
    def anonymous() -> list[bool]:
        paths = web.reached_by().get("/openapi.json", headers=headers).json()["paths"]
        return [{} in paths[path]["post"]["security"] for path in ("/webhook", "/capture")]

    headers = {"authorization": "Bearer one"}
    (tmp_path / "token").write_text("one")
    assert anonymous() == [True, True]
    web.tokens = Tokens(webhook_file=tmp_path / "token")
    assert anonymous() == [False, True]
    web.tokens = Tokens(operator_file=tmp_path / "token")
    assert anonymous() == [False, False]

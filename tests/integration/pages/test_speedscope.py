"""A profile opens in the speedscope that is shipped with us: a page of its own, that can read nothing else."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.analysis.convert import Format
from app.analysis.isolate import convert_file
from app.model import Artifact, Kind
from app.web.auth.tokens import Tokens
from tests.lab.browser import served
from tests.unit.web.web_app import WebApp

FOLDED = Path(__file__).parents[2] / "data" / "profilers" / "py-spy.folded"
NAME = "worker-7-cpu-20261123T120000Z.pprof"
FETCH = "async (path) => { try { return (await fetch(path)).status } catch (error) { return error.name } }"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Of somebody who knows the operator's token."""
    context = chromium.new_context(http_credentials={"username": "me", "password": "people"})
    yield context.new_page()
    context.close()


def test_a_converted_profile_opens_where_a_token_is_asked_for_and_the_page_reaches_nothing_else(
    tmp_path: Path, page: Page
) -> None:
    (token := tmp_path / "operator.token").write_text("people")
    web = WebApp(tmp_path, Tokens(operator_file=token))
    convert_file(Format.FOLDED, FOLDED, out := tmp_path / "converted.pprof")
    content = out.read_bytes()
    capture = web.keep_completed(
        content, artifacts=(Artifact(NAME, Kind.CPU, len(content), sha256(content).hexdigest()),)
    )
    wrong: list[str] = []
    with served(web.client.app) as url:
        page.goto(f"{url}/ui/captures/{capture.id}")
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.click("text=open in speedscope")
        expect(page).to_have_title(f"{NAME} - speedscope")
        assert [text for text in wrong if "WebGL" not in text] == []
        own = page.evaluate("decodeURIComponent(location.hash.split(/[=&]/)[1])")
        assert page.evaluate(FETCH, own) == 200
        for path in ("/captures", f"/captures/{capture.id}/artifacts/{NAME}", own + "x", "http://127.0.0.1:9/"):
            assert page.evaluate(FETCH, path) == "TypeError", path
        assert page.evaluate("origin") == "null"
    assert len([text for text in wrong if "Content Security Policy" in text]) >= 4
    web.ledger.close()

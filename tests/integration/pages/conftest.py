"""Pages in Debian's Chromium, by Playwright: the application of the unit tests, served on loopback."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from app.analysis import isolate
from app.analysis.flame import asking
from app.analysis.readers import Readers
from tests.lab import browser
from tests.lab.browser import CHROMIUM, served
from tests.lab.process import LONG
from tests.unit.web.web_app import WebApp

PHONE, DESK = 390, 1280  # pixels
Visit = Callable[..., Page]


def is_fault(said: ConsoleMessage, page: Page) -> bool:
    """Whether a message of the console is an error; the page's own status is none."""
    return said.type == "error" and said.location["url"] != page.url


@pytest.fixture(scope="module")  # no longer: see browser.chromium
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(
            "the pages are NOT looked at in a browser: chromium is not installed (tests/lab/prepare.sh does it)"
        )
    with browser.chromium() as started:
        yield started


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path)
    yield made
    made.ledger.close()


@pytest.fixture
def read_for_real(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebApp]:
    """The application, where profiles are read as the service reads them, by processes that stay."""
    readers = Readers()
    monkeypatch.setattr(web, "top", partial(isolate.top_of, ask=readers.ask))
    monkeypatch.setattr(web, "flame_index", partial(asking.index_file, ask=readers.ask))
    monkeypatch.setattr(web, "flame_view", partial(asking.view_in, ask=readers.ask))
    monkeypatch.setattr(web, "flame_json", partial(asking.view_as_json, ask=readers.ask))
    web.client = web.reached_by()
    yield web
    readers.close()


@pytest.fixture
def visit(chromium: Browser, web: WebApp) -> Iterator[Callable[..., Page]]:
    """visit("/ui/try", width=PHONE, dark=True, language="zh-CN", script=False): the page in a browser of its own.

    A test fails when a console has an error: a script that failed, or that the policy refused.
    """
    wrong: list[str] = []

    def visited(
        path: str,
        *,
        width: int = DESK,
        dark: bool = False,
        language: str = "en",
        script: bool = True,
        zone: str = "UTC",
    ) -> Page:
        context = chromium.new_context(
            base_url=url,
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            locale=language,
            java_script_enabled=script,
            timezone_id=zone,
        )
        context.set_default_timeout(LONG * 1000)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if is_fault(said, page) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path)
        return page

    with served(web.client.app) as url:
        yield visited
        for context in chromium.contexts:
            context.close()
    assert wrong == []

"""What all pages have in common, in a browser: languages, times, the colours of day and night, a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.integration.pages.conftest import PHONE
from tests.lab.looks import broken_words, serious, too_wide
from tests.unit.web.web_app import WebApp

Visit = Callable[..., Page]


def test_times_are_in_the_readers_zone_with_utc_on_hover_and_in_utc_without_script(web: WebApp, visit: Visit) -> None:
    web.keep_completed()
    shown = visit("/", zone="Asia/Shanghai").locator(".captures time").first
    assert (shown.text_content(), shown.get_attribute("title")) == ("2026-11-23 20:00:00", "2026-11-23 12:00:00 UTC")

    plain = visit("/", zone="Asia/Shanghai", script=False)
    assert plain.locator(".captures time").first.text_content() == "2026-11-23 12:00:00"
    assert "All times are UTC." in plain.inner_text("footer")


def test_a_reader_of_chinese_can_switch_to_english_and_stays_on_the_page(web: WebApp, visit: Visit) -> None:
    page = visit("/ui/try", language="zh-CN")
    assert "试运行告警" in page.inner_text("nav")
    page.click("nav a[hreflang=en]")
    assert page.url.endswith("/ui/try") and "try an alert" in page.inner_text("nav")
    page.goto("/")
    assert "Captures" in page.inner_text("h1")


@pytest.mark.parametrize("path", ["/ui/try", "/docs"])
def test_a_page_fits_a_phone_and_axe_finds_nothing_serious_by_day_and_by_night(
    web: WebApp, visit: Visit, path: str
) -> None:
    day, night = visit(path, width=PHONE), visit(path, dark=True, language="zh-CN")
    assert (too_wide(day), broken_words(day)) == ([], [])
    assert (serious(night), [] if path == "/docs" else serious(day)) == ([], [])  # that page is long, and only text

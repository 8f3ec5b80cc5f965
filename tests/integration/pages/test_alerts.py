"""From the link in the chat to the capture, and from there to its service."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.finding import CRITICAL, Finding
from tests.integration.pages.conftest import PHONE
from tests.lab.looks import broken_words, serious, too_wide
from tests.unit.web.web_app import WebApp

Visit = Callable[..., Page]
LOCK = Finding(CRITICAL, "one lock is held", "github.com/acme/orders/internal/burn.Hold holds it", "mutex",
               ("github.com/acme/orders/internal/burn.(*Worker).Hold",), "held_lock")  # fmt: skip


def test_the_link_of_an_alert_waits_for_its_capture_and_leads_to_it_and_to_its_service(
    web: WebApp, visit: Visit
) -> None:
    page = visit("/alerts/8a3e2b1c4d5f6071")
    expect(page.locator("main")).to_contain_text("Nothing yet")
    capture = web.keep_completed(findings=(LOCK,))
    expect(page.locator("main")).to_contain_text("one lock is held")
    page.click("text=all captures of order-mq")
    expect(page.locator("main")).to_contain_text("Top functions over time")
    page.go_back()
    page.click("text=Open the capture")
    assert page.url.endswith(f"/ui/captures/{capture.id}")


@pytest.mark.parametrize("path", ["/alerts/8a3e2b1c4d5f6071", "/ui/services/order-mq"])
def test_the_pages_of_an_alert_and_a_service_fit_a_phone_and_axe_finds_nothing_serious(
    web: WebApp, visit: Visit, path: str
) -> None:
    web.keep_completed(findings=(LOCK,))
    web.keep_failed()
    web.keep_completed(findings=(LOCK,))
    day, night = visit(path, width=PHONE), visit(path, dark=True, language="zh-CN")
    assert (too_wide(day), broken_words(day)) == ([], [])
    assert (serious(day), serious(night)) == ([], [])

"""The list of captures in a browser: the keyboard, the filters, what is live, and what others put into it."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect

from app.model import State, Step, Target, Trigger
from tests.integration.pages.conftest import PHONE
from tests.integration.test_security_pages import hostile
from tests.lab.looks import broken_words, serious, too_wide
from tests.unit.web.web_app import WebApp

Visit = Callable[..., Page]


def test_a_capture_is_found_and_opened_with_the_keyboard_alone(web: WebApp, visit: Visit) -> None:
    wanted = web.keep_completed()
    web.keep_failed()
    page = visit("/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type('job="order-mq"')
    page.keyboard.press("Enter")
    page.wait_for_url("**/?match=*")
    for key in "jjjk":
        page.keyboard.press(key)
    expect(page.locator(".captures > li").first.locator(".open")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ui/captures/{wanted.id}")


def test_without_script_a_bar_a_chip_and_the_search_still_filter(web: WebApp, visit: Visit) -> None:
    web.keep_completed(created_at=web.now - timedelta(hours=5))
    failed = web.keep_failed()
    page = visit("/", script=False, width=PHONE)
    rows = page.locator(".captures > li")
    page.locator(".hours a").last.click()
    expect(rows).to_have_count(1)
    expect(rows).to_have_id(f"c-{failed.id}")
    page.get_by_role("link", name="all captures").click()
    page.locator(".facets summary").click()
    page.get_by_role("link", name="no process found").click()
    expect(rows).to_have_id(f"c-{failed.id}")
    page.fill("#match", 'job=~"nobody')
    page.click("text=search")
    expect(page.locator("#fault")).to_contain_text("match: at character")
    assert page.input_value("#match") == 'job=~"nobody'


def test_a_recording_moves_on_and_what_is_new_appears_while_the_list_is_open_and_the_focus_stays(
    web: WebApp, visit: Visit
) -> None:
    target = Target("10.0.0.5", 21181, "order-mq")
    running = web.keep(state=State.RECORDING, step=Step.WAIT, target=target, started_at=web.now - timedelta(seconds=5))
    page = visit("/")
    bar = page.locator("progress")
    first = float(bar.get_attribute("value") or 0)
    assert 5 <= first < 25
    expect(bar).not_to_have_js_property("value", first)
    page.keyboard.press("j")
    web.now += timedelta(seconds=20)
    done = web.keep_completed(created_at=web.now)
    expect(page.locator(f"#c-{done.id}")).to_be_visible()
    expect(page.locator(f"#c-{running.id} .open")).to_be_focused()
    assert float(bar.get_attribute("value") or 0) >= 25


def test_what_others_put_into_a_list_is_text_and_fits_a_phone_by_day_and_by_night(web: WebApp, visit: Visit) -> None:
    hostile(web)
    web.keep_failed()
    web.keep(state=State.RECORDING, step=Step.WAIT, target=Target("10.0.0.5"), started_at=web.now)
    web.keep(trigger=Trigger("alert", {"alertname": "x" * 10_000, "service": "\u202ednuora-gnorw" * 300}, "f2"))
    day, night = visit("/", width=PHONE), visit("/", dark=True, language="zh-CN")
    assert (too_wide(day), broken_words(day)) == ([], [])
    assert (serious(day), serious(night)) == ([], [])
    assert day.evaluate("document.documentElement.dataset.pwned") is None
    assert "<script>" in day.inner_text(".captures")

"""Every button of the page of a capture, pressed with the keyboard alone. Those that change something ask first."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.model import State
from tests.integration.pages.conftest import Visit
from tests.unit.web.web_app import WebApp

PROFILE = (Path(__file__).parents[2] / "data" / "profiles" / "java.cpu").read_bytes()


@pytest.fixture
def web(read_for_real: WebApp) -> WebApp:
    return read_for_real


def press(page: Page, what: str) -> None:
    page.focus(what)
    page.keyboard.press("Enter")


def change(page: Page, name: str, question: str, then: str) -> None:
    """Presses the button, answers the question with no and then with yes, and waits until `then` is there."""
    button = f'a.act:text-is("{name}")'
    press(page, button)
    expect(page.locator("dialog p").first).to_contain_text(question)
    press(page, "dialog .no")
    expect(page.locator("dialog")).to_be_hidden()
    press(page, button)
    expect(page.locator("dialog .yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(then)).to_be_visible()


def copied(page: Page, button: str) -> str:
    """What is in the clipboard once the button says so."""
    press(page, button)
    expect(page.locator(button)).to_have_text("copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_every_button_of_a_capture_is_pressed_with_the_keyboard_and_what_changes_something_asks_first(
    web: WebApp, visit: Visit
) -> None:
    earlier = web.keep_completed(PROFILE, created_at=web.now - timedelta(hours=1))
    capture = web.keep_completed(PROFILE)
    page = visit(f"/ui/captures/{capture.id}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    press(page, "a[rel=prev]")
    page.wait_for_url(f"**/{earlier.id}")
    press(page, "a[rel=next]")
    page.wait_for_url(f"**/{capture.id}")

    line = copied(page, ".files button.copy")
    assert line.startswith("go tool pprof -http=: ") and capture.artifacts[0].name in line
    expect(page.locator(".drawing path.current")).to_have_count(1)
    assert copied(page, ".flamegraph button[name=copy]") == page.inner_text(".told b") != ""

    change(page, "keep", "Keep this capture for good", 'text="leave to retention"')
    kept = web.ledger.get(capture.id)
    assert kept and kept.pinned
    change(page, "leave to retention", "Leave this capture to retention", 'text="keep"')
    change(page, "make baseline", "Compare other captures of order-mq", 'text="no baseline any more"')
    change(page, "no baseline any more", "Do not compare others", 'text="make baseline"')

    change(page, "capture again", "Capture the same process again", 'text="stop"')
    again = web.ledger.get(page.url.rpartition("/")[2])
    assert again and again.state is State.PENDING
    change(page, "stop", "Stop this recording now", "text=Somebody asked for it to stop")
    expect(page.get_by_role("button", name="stop")).to_have_count(0)
    claim = web.ledger.claim(web.now + timedelta(hours=2), "test", timedelta(minutes=1))
    assert claim and claim.capture.stop_requested_at
    web.ledger.release(claim, claim.capture.ended(State.CANCELED, web.now))
    expect(page.locator(".state")).to_have_text("canceled")

    page.goto(f"/ui/captures/{capture.id}")
    change(page, "delete", "Nothing brings it back", 'h1:text-is("Captures")')
    assert web.ledger.get(capture.id) is None

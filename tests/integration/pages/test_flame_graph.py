"""The flame graph in a browser, on a real profile: what it shows of it, and how people move in it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.pages.conftest import PHONE, Visit
from tests.lab.looks import broken_words, serious, too_wide
from tests.lab.process import eventually
from tests.unit.web.web_app import WebApp

PROFILE = Path(__file__).parents[2] / "data" / "profiles" / "java.cpu"
HOT = "com.example.function14"


@pytest.fixture
def web(read_for_real: WebApp) -> WebApp:
    return read_for_real


@pytest.fixture
def address(web: WebApp) -> str:
    """Of the flame graph of a capture."""
    return f"/ui/captures/{web.keep_completed(PROFILE.read_bytes()).id}/flame"


def told(page: Page) -> str:
    return page.inner_text(".told b")


def names(page: Page) -> list[str]:
    """Of the frames that are drawn: the table has them, too."""
    page.evaluate("document.querySelector('.flamegraph details').open = true")
    expect(page.locator("details tbody tr")).not_to_have_count(0)
    return page.locator("details tbody td:nth-child(2)").all_inner_texts()


def click(page: Page, name: str) -> None:
    """Clicks on the widest frame of this function."""
    box = page.locator(".drawing text", has_text=name).first.bounding_box()
    assert box
    page.mouse.click(box["x"] + 2, box["y"] + 2)


def test_zoom_search_and_both_sides_of_a_function_need_no_page_load_and_the_address_has_them(
    visit: Visit, address: str
) -> None:
    page = visit(address)
    expect(page.locator(".drawing path").first).to_be_visible()
    whole = names(page)
    assert {"root", HOT, "com.example.function13"} <= set(whole)
    page.evaluate("window.loaded = true")

    click(page, HOT)
    expect(page.locator(".told b")).to_have_text(HOT)
    page.wait_for_url(re.compile(r"root=\d+"))
    expect(page.locator(".drawing text.above")).to_have_count(1)
    zoomed = page.url
    page.go_back()
    expect(page.locator(".told b")).to_have_text("root")
    page.go_forward()
    expect(page.locator(".told b")).to_have_text(HOT)

    page.fill("input[type=search]", "FUNCTION12")
    expect(page.locator(".matched")).to_have_text(re.compile(r"^\d+(\.\d+)?% of what is shown$"))
    expect(page.locator(".drawing path.hit")).to_have_count(1)
    page.fill("input[type=search]", "")

    page.keyboard.press("Tab")
    page.click("button[name=sides]")
    page.wait_for_url(re.compile("function=com.example"))
    expect(page.locator(".drawing text.above")).to_have_count(0)
    page.click("button[name=all]")
    expect(page.locator(".told b")).to_have_text("root")
    assert page.evaluate("window.loaded"), "the page was not loaded anew"

    page.goto(zoomed)
    expect(page.locator(".drawing text.above")).to_have_count(1)
    assert told(page) == HOT


def test_the_keyboard_alone_moves_zooms_and_leads_out_and_the_table_has_the_same(visit: Visit, address: str) -> None:
    page = visit(address)
    expect(page.locator(".drawing path").first).to_be_visible()
    page.focus("svg.flame")
    page.keyboard.press("ArrowDown")
    for _ in names(page):
        page.keyboard.press("ArrowLeft")
    below = told(page)
    assert below == HOT, "the largest is the first"
    page.keyboard.press("Enter")
    expect(page.locator(".drawing text.above")).to_have_count(1)
    assert told(page) == below

    def goes_deeper() -> bool:
        page.keyboard.press("ArrowDown")
        return told(page) != below

    eventually(goes_deeper, "what lies deeper has come, and is told")
    deeper = told(page)
    page.keyboard.press("Escape")
    expect(page.locator(".drawing text.above")).to_have_count(0)

    assert {below, deeper} <= set(names(page))


def test_it_fits_a_phone_and_axe_finds_nothing_serious_by_day_and_by_night(visit: Visit, address: str) -> None:
    page = visit(address, width=PHONE)
    expect(page.locator(".drawing path").first).to_be_visible()
    assert (too_wide(page), broken_words(page), serious(page)) == ([], [], [])
    page.emulate_media(color_scheme="dark")
    assert serious(page) == []


def test_without_script_each_function_is_a_link_to_itself_in_full_width(visit: Visit, address: str) -> None:
    page = visit(address, script=False)
    assert page.locator(".tools").is_hidden()
    page.locator("svg.flame > a", has=page.locator("title", has_text=f"{HOT}:")).first.click()
    assert page.inner_text("p.root b") == HOT

"""The page of one capture in a browser: from the list to the guilty function, a recording that ends meanwhile, what
people change, and a comparison with the baseline.
"""

import gzip
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.model import Artifact, Event, Finding, Kind, State, Step
from tests.integration.pages.conftest import PHONE, Visit
from tests.lab.looks import broken_words, serious, too_wide
from tests.unit.web.web_app import WebApp

DATA = Path(__file__).parents[2] / "data"
PROFILE = (DATA / "profiles" / "java.cpu").read_bytes()
DUMP = gzip.decompress((DATA / "faults" / "ledger" / "goroutine.txt.gz").read_bytes())
HOT = "com.example.function14"
FOUND = Finding("warning", "one function takes most of the time", f"{HOT} and what it calls take 42 %", "cpu", (HOT,))


@pytest.fixture
def web(read_for_real: WebApp) -> WebApp:
    return read_for_real


def test_from_the_list_to_the_guilty_function_and_back(web: WebApp, visit: Visit) -> None:
    web.keep_completed(PROFILE, findings=(FOUND,))
    page = visit("/")
    page.locator("main table a, main article a, main li a").first.click()
    page.wait_for_url("**/ui/captures/*")
    assert page.inner_text("main").startswith(FOUND.title), "the verdict comes first"
    assert HOT in page.inner_text(".verdict") and "take 42 %" in page.inner_text(".verdict")
    expect(page.locator(".drawing path").first).to_be_visible()

    page.click(".verdict code")
    expect(page.locator(".told b")).to_have_text(HOT)
    page.wait_for_url("**function=com.example.function14")
    page.go_back()
    expect(page.locator(".told b")).to_have_text("root")
    row = page.locator("table.top tr", has_text="com.example.function").first
    row.hover()
    expect(page.locator(".drawing path.same")).to_have_count(1)


def test_a_recording_that_ends_while_the_page_is_open_is_shown_without_a_key(web: WebApp, visit: Visit) -> None:
    running = web.keep_completed(
        state=State.RECORDING, step=Step.WAIT, stopped_at=None, ended_at=None, artifacts=(),
        due_at=web.now + timedelta(hours=1),
    )  # fmt: skip
    page = visit(f"/ui/captures/{running.id}")
    assert page.inner_text(".state") == "recording"
    before = int(page.inner_text("[data-left]"))
    expect(page.locator("[data-left]")).not_to_have_text(str(before))
    claim = web.ledger.claim(web.now + timedelta(hours=2), "test", timedelta(minutes=1))
    assert claim
    web.ledger.release(claim, claim.capture.ended(State.COMPLETED, web.now))
    expect(page.locator(".state")).to_have_text("completed")


def test_a_change_is_asked_about_first_with_and_without_script(web: WebApp, visit: Visit) -> None:
    capture = web.keep_completed(PROFILE)
    page = visit(f"/ui/captures/{capture.id}")
    page.focus("a.act >> text=make baseline")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_contain_text("Compare other captures of order-mq with this one?")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    page.click("a.act >> text=make baseline")
    page.click("dialog .yes")
    expect(page.locator("main")).to_contain_text("It is the baseline")

    plain = visit(f"/ui/captures/{capture.id}", script=False)
    plain.click("a.act >> text=delete")
    assert "Nothing brings it back" in plain.inner_text("h1")
    assert web.ledger.get(capture.id)
    plain.click("form button")
    assert web.ledger.get(capture.id) is None


def test_compared_with_the_baseline_what_changed_is_first_and_the_graph_is_coloured_by_it(
    web: WebApp, visit: Visit
) -> None:
    base = web.keep_completed(PROFILE)
    web.ledger.choose_baseline(base)
    web.now += timedelta(hours=1)
    capture = web.keep_completed(PROFILE)
    page = visit(f"/ui/captures/{capture.id}")
    page.click("text=compare >> nth=-1")
    page.wait_for_url("**/diff**")
    expect(page.locator(".drawing path").first).to_be_visible()
    page.focus("svg.flame")
    page.keyboard.press("ArrowDown")
    assert "was" in page.inner_text(".told span")
    page.keyboard.press("Enter")
    expect(page.locator(".drawing text.above")).to_have_count(1)
    phone = visit(page.url, width=PHONE)
    assert (too_wide(phone), broken_words(phone)) == ([], [])


def test_the_groups_of_goroutines_unfold_to_their_stacks_by_keyboard_on_a_phone(web: WebApp, visit: Visit) -> None:
    name = "order-mq-21181-goroutine-20261123T120000.txt"
    capture = web.keep_completed(DUMP, artifacts=(Artifact(name, Kind.GOROUTINE, len(DUMP), sha256(DUMP).hexdigest()),))
    page = visit(f"/ui/captures/{capture.id}", width=PHONE)
    page.focus(".groups summary >> nth=0")
    page.keyboard.press("Enter")
    expect(page.locator(".groups li", has_text="sync.(*Mutex).Lock").first).to_be_visible()
    assert (too_wide(page), broken_words(page), serious(page)) == ([], [], [])


def test_it_fits_a_phone_and_axe_finds_nothing_serious_by_day_and_by_night(web: WebApp, visit: Visit) -> None:
    said = "Alertmanager says HighCPU has been firing since 2026-11-23 11:56:00 UTC; the rule «orders» answers it"
    capture = web.keep_completed(PROFILE, findings=(FOUND,), timeline=(Event(web.now, "received", said),))
    page = visit(f"/ui/captures/{capture.id}", width=PHONE)
    expect(page.locator(".drawing path").first).to_be_visible()
    assert (too_wide(page), broken_words(page), serious(page)) == ([], [], [])
    page.emulate_media(color_scheme="dark")
    assert serious(page) == []

"""The pages in the language of their reader."""

import re

import pytest

from app.web.languages import LANGUAGES, preferred
from tests.lab import texts
from tests.unit.web.web_app import WebApp

OTHERS = {"bundle.html", "capture.html", "choices.html", "diff.html", "evidence.html", "flame.html", "picture.html"}
CHINESE = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"), ("en-GB,en;q=0.9,zh;q=0.8", "en"), ("zh-TW", "zh-Hans"),
        ("de,zh;q=0.5,en;q=0.4", "zh-Hans"), ("en;q=0.1, zh;q=0.9", "zh-Hans"), ("zh;q=0", "en"), ("fr, *", "en"),
        ("zh;q=x,;;,en", "en"), ("zhx", "en"), ("," * 5000, "en"),
    ],
)  # fmt: skip
def test_the_browsers_preference_chooses_the_language(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def test_a_page_is_in_the_readers_language_and_says_so(web: WebApp) -> None:
    shown = web.client.get("/", headers=CHINESE)
    assert '<html lang="zh-Hans">' in shown.text and "试运行告警" in shown.text
    assert (shown.headers["content-language"], shown.headers["vary"]) == ("zh-Hans", "accept-language, cookie")
    assert '<html lang="en">' in web.client.get("/").text, "the next reader has a language of their own"


def test_the_switch_stays_on_the_page_and_outlasts_the_browsers_preference(web: WebApp) -> None:
    page = web.client.get("/?state=failed&match=a%3D%22b%26c%22", headers=CHINESE).text
    link = re.search(r'hreflang="en" href="([^"]+)"', page)
    assert link
    answer = web.client.get("/" + link[1].replace("&amp;", "&"), headers=CHINESE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?state=failed&match=a%3D%22b%26c%22")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert '<html lang="en">' in web.client.get("/", headers=CHINESE).text


def test_a_language_that_there_is_not_is_a_wrong_parameter_like_any_other(web: WebApp) -> None:
    assert web.client.get("/?lang=xx").status_code == 422
    web.client.cookies.set("lang", "../../etc")
    assert '<html lang="en">' in web.client.get("/").text


def test_programs_are_answered_alike_in_every_language(web: WebApp) -> None:
    answer = web.client.get("/captures", headers=CHINESE)
    assert "content-language" not in answer.headers and "set-cookie" not in answer.headers


@pytest.mark.parametrize("template", sorted({path.name for path in (texts.WEB / "templates").glob("*.html")} - OTHERS))
def test_no_template_has_a_text_that_is_not_marked(template: str) -> None:
    assert texts.unmarked((texts.WEB / "templates" / template).read_text()) == []


def test_a_text_that_is_not_marked_is_found() -> None:
    found = texts.unmarked(
        '<p title="Now">{{ _("captures") }} {# why #}, <b>API</b></p>{% if x %}<i>is late</i>{% endif %}'
    )
    assert found == ["is late", "Now"]


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_marked_text_is_translated_and_keeps_what_is_filled_in(language: str) -> None:
    has, marked = texts.read(language), texts.marked()
    assert [message.id for message in has if message.id and message.id not in marked] == [], (
        "gone from the pages: run make texts"
    )
    for message in filter(lambda message: message.id, marked):
        known = has.get(message.id)
        forms = (known.string,) if known and isinstance(known.string, str) else known.string if known else ()
        assert forms and all(forms) and not (known and known.fuzzy), f"without a translation: {message.id!r}"
        ids = (message.id,) if isinstance(message.id, str) else message.id
        for form in forms:
            assert texts.fields(form) <= texts.fields("".join(ids)) and texts.tags(form) == texts.tags(ids[0]), form

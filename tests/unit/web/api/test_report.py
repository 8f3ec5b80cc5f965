"""GET /captures/{id}/report: short, in Markdown, about what was asked for."""

import pytest
from markdown_it import MarkdownIt

from app.finding import Finding
from tests.unit.web.web_app import WebApp

FINDING = Finding(
    "warning", "cart.Add compiles regular expressions: 60 % of the CPU time", "6 times `the` threshold\n# of 10 %",
    "cpu", ("example.com/cart.Add",), "regexp_compile", ("main.main", "example.com/cart.Add"), "a calm capture",
    "Compile once.",
)  # fmt: skip


def report(web: WebApp, *findings: Finding, focus: str = "") -> str:
    capture = web.keep_completed(findings=findings)
    answer = web.client.get(f"/captures/{capture.id}/report", params={"focus": focus} if focus else {})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert len(answer.content) <= 6000
    return answer.text


def test_a_report_has_the_findings_the_top_functions_and_what_to_do_next(web: WebApp) -> None:
    text = report(web, FINDING)
    assert "1. **warning**: cart.Add compiles regular expressions: 60 % of the CPU time (`regexp_compile`)" in text
    assert "6 times 'the' threshold # of 10 %" in text  # foreign text begins no heading and no code
    assert "Refuted by: a calm capture." in text and "What usually helps: Compile once." in text
    assert "| flat | flat% | cum | cum% | function |" in text
    assert "alertprof fetch " in text


def test_names_from_a_profile_are_neither_html_nor_links(web: WebApp) -> None:
    evil = "main.<img src=x>[run](http://evil)[a][b]\u202e\x1b[2J"
    text = report(web, Finding("info", evil, evil, "cpu", (), "garbage", (), evil, evil))
    assert text.count(r"main.\<img src=x>[run]\(http://evil)[a]\[b]") == 4
    assert "\u202e" not in text and "\x1b" not in text


@pytest.mark.parametrize("escaped", ["", "\\", "\\\\", "\\\\\\"])
def test_no_name_is_html_or_a_link_by_escaping_our_escapes(web: WebApp, escaped: str) -> None:
    evil = f"main.{escaped}<img src=x>[run{escaped}](http://evil)![a{escaped}](http://evil)"
    text = report(web, Finding("info", evil, evil, "cpu", (), "garbage", (), evil, evil))
    shown = MarkdownIt("commonmark").render(text)
    assert "<img" not in shown and "<a " not in shown


def test_a_capture_without_findings_says_so(web: WebApp) -> None:
    assert "## Findings\n\nNone.\n" in report(web)


def test_a_focus_leaves_out_what_does_not_concern_the_function(web: WebApp) -> None:
    assert "cart.Add compiles" in report(web, FINDING, focus="cart.Add")
    other = report(web, FINDING, focus="stock.Take")
    assert "Only what concerns `stock.Take` is shown." in other
    assert "cart.Add" not in other and "No function of that name." in other


def test_however_much_there_is_to_say_the_report_stays_short_and_whole_in_its_lines(web: WebApp) -> None:
    many = [
        Finding("warning", f"{n} " + "ü" * 900, "€" * 5000, "cpu", (), "garbage", (), "x" * 900, "y" * 900)
        for n in range(9)
    ]
    text = report(web, *many)
    assert text.endswith("(cut: ask for less with ?focus=FUNCTION)\n")


def test_a_report_about_no_capture_is_404(web: WebApp) -> None:
    assert web.client.get("/captures/none/report").status_code == 404

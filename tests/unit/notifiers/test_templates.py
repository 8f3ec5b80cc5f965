"""Texts of notifications: what strangers wrote in labels and findings stays text."""

import pytest

from app.notifiers import rendering, templates
from app.notifiers.base import Undelivered
from app.notifiers.templates import LONGEST, TemplateFault, check_template, rendered
from app.notifiers.texts import BODY, TITLE, context, text_of
from tests.unit.notifiers.told import captured, failed, told

HOSTILE = '<!channel> @everyone <at user_id="all"></at> <script>alert(1)</script> [x](http://evil)\nlink: http://evil'


def test_what_is_said_by_default_names_the_alert_the_service_the_findings_and_the_link() -> None:
    notification = told(captured(None, *(f"finding {n}" for n in range(7))))
    assert text_of(TITLE, "text", notification) == "HighCPU: orders completed"
    assert text_of(BODY, "text", notification).splitlines() == [
        "orders (pid 7) on 10.0.0.5",
        *(f"- warning: finding {n}" for n in range(5)),
        "and 2 more findings",
        "https://alertprof.example.com/ui/captures/019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11",
    ]


def test_what_is_said_of_a_failure_is_its_reason() -> None:
    assert "10.0.0.5 does not answer" in text_of(BODY, "text", told(failed())).splitlines()


@pytest.mark.parametrize(
    ("format_", "is_not_in_it"),
    [
        ("text", ["<!channel>", "@everyone", "<at ", "\n"]),
        ("markdown", ["<!channel>", "@everyone", "<at ", "[x](", "\n"]),
        ("html", ["<script>", "<at ", "@everyone", "\n"]),
        ("json", ['"all"', "\n"]),
        ("url", ["/", "<", "\n", " "]),
    ],
)
def test_a_label_mentions_nobody_and_makes_no_markup_and_no_line_of_its_own(
    format_: str, is_not_in_it: list[str]
) -> None:
    said = rendered("{{ label }}", format_, {"label": HOSTILE})  # type: ignore[arg-type]
    assert [bad for bad in is_not_in_it if bad in said] == []


def test_a_value_of_json_is_whole_with_tojson_and_part_of_a_string_without() -> None:
    said = rendered('{"a": "it is {{ v }}", "b": {{ v|tojson }}}', "json", {"v": 'a "b" \\'})
    assert said == '{"a": "it is a \\"b\\" \\\\", "b": "a \\"b\\" \\\\"}'


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ labels.update({'a': 'b'}) }}",
        "{{ 'a' * 1000000000 }}",
        "{% for a in findings %}{% for b in findings %}{{ 'x' ~ a }}{% endfor %}{% endfor %}",
        "{{ 1 / 0 }}",
        "{{ missing.deeper }}",
    ],
)
def test_what_a_template_may_not_do_is_an_error_and_nothing_else(template: str) -> None:
    with pytest.raises(TemplateFault):
        rendered(template, "text", {"labels": {}, "findings": ["y" * 1000] * 100})


def test_a_long_value_is_cut_and_a_long_text_refused() -> None:
    assert len(rendered("{{ v }}", "text", {"v": "a" * LONGEST * 2})) < LONGEST
    with pytest.raises(TemplateFault, match="let it show less"):
        rendered("{{ v }}" * 9, "text", {"v": "a" * LONGEST})


def test_a_template_that_is_none_is_refused_with_its_line() -> None:
    with pytest.raises(ValueError, match="body: line 2 of the template"):
        check_template("body", "a\n{{ b", "text")


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x'.ljust(9000000000) }}",
        "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 32,
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    ],
)
def test_a_template_that_loops_or_eats_memory_costs_its_own_process_alone(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 1)
    check_template("body", template, "text")
    with pytest.raises(Undelivered, match="let it do less") as fault:
        text_of(template, "text", told())
    assert fault.value.final


def test_a_template_of_an_operator_says_what_it_would_say_in_the_service_itself() -> None:
    template = "{{ event }} {% for finding in findings %}{{ finding.title }}{% endfor %} {{ labels.team }} ä"
    assert text_of(template, "html", told()) == rendered(template, "html", context(told()))


def test_checking_a_template_evaluates_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called = list[str]()
    monkeypatch.setitem(templates._ENVIRONMENTS["text"].filters, "upper", called.append)
    check_template("body", "{{ 'evaluated'|upper }}", "text")
    assert not called

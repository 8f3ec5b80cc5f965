"""What check-config says of a configuration that is right, and not wise."""

import pytest

from app.config.settings import load
from app.config.unwise import notes
from app.intake.rules import Rule, parse_matchers
from tests.lab.pages import ROOT


def rule(name: str, matchers: str = "", only: str = "") -> Rule:
    from app.config.scalars import parse_pattern

    return Rule(name, parse_matchers(matchers) if matchers else (), only_exe=parse_pattern(only))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            [rule("all"), rule("b", 'job="b"')],
            ["rule b: never matches: all, before it, takes every alert; put b first"],
        ),
        (
            [rule("a", 'job="a"'), rule("b", 'severity="x",job="a"')],
            ["rule b: never matches: a, before it, takes every alert that it would match; put b first"],
        ),
        (
            [rule("a", 'job="a",job=~"b.*"')],
            ['rule a: never matches: no label is both job="a" and job=~"b.*"; take one of them out'],
        ),
        (
            [rule("a", only="^srv/")],
            ["rule a: only.exe '^srv/' matches no process: paths of executables begin with /; write ^/srv/"],
        ),
        ([rule("a", 'job="a"'), rule("b", 'job="b"'), rule("all")], []),
        ([rule("a", 'job="a",job!="b"', only="^/srv/"), rule("b", only="^srv|^/opt")], []),
    ],
)
def test_a_rule_that_can_capture_nothing_is_noted(rules: list[Rule], said: list[str]) -> None:
    assert list(notes(rules)) == said


def test_nothing_is_noted_of_the_example() -> None:
    assert list(notes(load(ROOT / "deploy" / "alertprof.example.yml").rules)) == []

"""Matchers as Alertmanager reads them, and the first rule that matches."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.matchers import OPERATORS
from app.intake.rules import DEFAULT, Matcher, MatcherError, Relabel, Rule, first_match, parse_matcher, parse_matchers


def read(text: str) -> list[tuple[str, str, str]]:
    return [(matcher.name, matcher.op, matcher.value) for matcher in parse_matchers(text)]


FOO_BAR = [("foo", "=", "bar")]
TWO = [("foo", "=", "bar"), ("bar", "!=", "baz")]


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("", []),
        ("{}", []),
        (" { } ", []),
        ("foo=bar", FOO_BAR),
        ("{foo=bar}", FOO_BAR),
        ("foo=bar,", FOO_BAR),
        ("{foo=bar,}", FOO_BAR),
        ('foo="bar"', FOO_BAR),
        ('"foo"="bar"', FOO_BAR),
        (' { "foo" = bar , } ', FOO_BAR),
        ("foo!=bar", [("foo", "!=", "bar")]),
        ("foo=~[a-z]+", [("foo", "=~", "[a-z]+")]),
        ("foo!~[a-z]+", [("foo", "!~", "[a-z]+")]),
        ("foo=bar,bar!=baz", TWO),
        ('{foo="bar",bar!="baz"}', TWO),
        ("foo=🙂bar", [("foo", "=", "🙂bar")]),
        ("🙂=bar", [("🙂", "=", "bar")]),
        ('"app.kubernetes.io/name"="x"', [("app.kubernetes.io/name", "=", "x")]),
        ("app.kubernetes.io/name=x", [("app.kubernetes.io/name", "=", "x")]),
        ('"foo bar"="x, y"', [("foo bar", "=", "x, y")]),
        ('"foo"="bar\\n\\t"', [("foo", "=", "bar\n\t")]),
        ('"foo"="\\"bar\\\\"', [("foo", "=", '"bar\\')]),
        ('"foo"="\\xf0\\x9f\\x99\\x82"', [("foo", "=", "🙂")]),
        ('"foo"="\\U0001f642\\u0041\\101"', [("foo", "=", "🙂AA")]),
        ('foo=""', [("foo", "=", "")]),
    ],
)
def test_the_utf8_grammar_is_read(text: str, matchers: list[tuple[str, str, str]]) -> None:
    assert read(text) == matchers


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("foo=", [("foo", "=", "")]),
        ("foo=~a|b", [("foo", "=~", "a|b")]),
        ("{foo=bar", FOO_BAR),
        ("foo=bar}", FOO_BAR),
        ("foo==bar", [("foo", "=", "=bar")]),
        ("foo=a b", [("foo", "=", "a b")]),
        ("foo=it's", [("foo", "=", "it's")]),
        ('foo="two\nlines"', [("foo", "=", "two\nlines")]),
        ('foo="C:\\Windows"', [("foo", "=", "C:\\Windows")]),
        ("foo=bar\\n", [("foo", "=", "bar\n")]),
        ("foo=bar\\", [("foo", "=", "bar\\")]),
        ('foo="a, b" , bar!= "baz" , ', [("foo", "=", "a, b"), ("bar", "!=", "baz")]),
        ('foo=\\"a, bar=b', [("foo", "=", '"a'), ("bar", "=", "b")]),
    ],
)
def test_what_only_the_classic_grammar_takes_is_read_by_it(text: str, matchers: list[tuple[str, str, str]]) -> None:
    assert read(text) == matchers


def test_where_the_grammars_disagree_the_classic_one_holds() -> None:
    assert read('foo="\\x41"') == [("foo", "=", "\\x41")]
    assert read('"foo"="\\x41"') == [("foo", "=", "A")], "a quoted name is no classic one"


@pytest.mark.parametrize(
    ("text", "position", "remedy"),
    [
        (",", 1, 'write name="value"'),
        ("{,}", 2, 'write name="value"'),
        ('{"foo"=bar', 11, "no } at the end"),
        ('"foo"=bar}', 10, "no { at the beginning"),
        ("foo", 4, "one of = != =~ !~"),
        ("foo bar", 5, "one of = != =~ !~"),
        ("=bar", 1, "a label's name"),
        ('"foo"=', 7, 'write "" for an empty one'),
        ('"foo"=bar baz', 11, "put a comma between"),
        ('foo=:"bar"', 6, "put a comma between"),
        ('"foo"=bar,,', 11, "a label's name"),
        ('{"foo"=bar} x', 13, "leave it out"),
        ('"foo', 1, "never closed"),
        ('"foo"="\\w"', 7, "unknown escape \\w"),
        ('"foo"="\\400"', 7, "unknown escape"),
        ('"foo"="\\UFFFFFFFF"', 7, "unknown escape"),
        ('"foo"="\\ud800"', 7, "not UTF-8"),
        ('"foo"="\\xf0\\x9f"', 7, "not UTF-8"),
        ('"foo"="a\nb"', 7, "write \\n"),
        ('""=x', 1, "cannot be empty"),
        ("foo!bar", 4, "double quotes"),
        ("foo=~[", 6, "no ]"),
        ('foo=~"(?=x)"', 6, "lookaround"),
    ],
)
def test_a_refusal_names_the_position_and_the_remedy(text: str, position: int, remedy: str) -> None:
    with pytest.raises(MatcherError) as refusal:
        parse_matchers(text)
    assert remedy in str(refusal.value)
    assert f"at character {position}:" in str(refusal.value)
    assert refusal.value.position == position


def test_one_matcher_is_one() -> None:
    assert parse_matcher("{foo=bar,}") == Matcher("foo", "=", "bar")


@pytest.mark.parametrize("text", ["", "{}", "foo=bar,bar=baz"])
def test_none_or_two_are_not_one_matcher(text: str) -> None:
    with pytest.raises(MatcherError, match="one matcher is expected"):
        parse_matcher(text)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "c"}, False),
        ("a=b", {}, False),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {"a": "b"}, False),
        ("a!=b", {}, True),
        ('a=""', {}, True),
        ('a=""', {"a": "b"}, False),
        ('a!=""', {}, False),
        ("a=~b.*", {"a": "bcd"}, True),
        ("a=~b.*", {"a": "abc"}, False),
        ("a=~b", {"a": "bc"}, False),
        ("a=~b|c", {"a": "c"}, True),
        ("a=~b|c", {"a": "bc"}, False),
        ("a=~.*", {}, True),
        ("a=~.+", {}, False),
        ("a!~b|c", {"a": "d"}, True),
        ("a!~b|c", {"a": "b"}, False),
        ("a!~.+", {}, True),
        ("a=~b", {"a": "b\n"}, False),
    ],
)
def test_a_matcher_matches_the_whole_value_and_a_missing_label_is_empty(
    text: str, labels: Mapping[str, str], matches: bool
) -> None:
    assert parse_matcher(text).matches(labels) is matches


names = st.one_of(st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,9}", fullmatch=True), st.text(min_size=1))


@given(st.lists(st.tuples(names, st.sampled_from(["=", "!="]), st.text())))
def test_what_a_matcher_prints_is_read_as_the_same_matcher(said: list[tuple[str, str, str]]) -> None:
    matchers = tuple(Matcher(*parts) for parts in said)
    assert parse_matchers(",".join(map(str, matchers))) == matchers
    assert parse_matchers("{ " + " , ".join(map(str, matchers)) + " }") == matchers


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        for matcher in parse_matchers(text):
            assert matcher.name
            assert matcher.op in OPERATORS
    except MatcherError as refusal:
        assert 1 <= refusal.position <= len(text) + 1


@given(st.text())
def test_a_json_string_is_a_quoted_value(value: str) -> None:
    """JSON's escapes are Go's, but \\/ (never written) and surrogate pairs."""
    quoted = json.dumps(value, ensure_ascii=False)
    assert parse_matcher(f'"a b"={quoted}').value == value


def test_the_first_rule_that_matches_wins() -> None:
    first = Rule("first", parse_matchers("job=a"))
    second = Rule("second", parse_matchers("job=~a|b"))
    assert first_match((first, second), {"job": "a"}) is first
    assert first_match((second, first), {"job": "a"}) is second
    assert first_match((first, second), {"job": "b"}) is second
    assert first_match((first, second), {"job": "c"}) is None


def test_all_matchers_of_a_rule_must_match() -> None:
    rule = Rule("both", parse_matchers("a=1,b=2"))
    assert rule.matches({"a": "1", "b": "2"})
    assert not rule.matches({"a": "1"})


def test_a_rule_says_where_its_relabelling_drops_an_alert_and_why() -> None:
    rule = Rule("prod", relabel=(Relabel("keep", ("env",), regex="prod"),))
    assert rule.drops({"env": "dev"}) == "relabel_configs[0] (keep): env 'dev' does not match 'prod'"
    assert rule.drops({"env": "prod"}) is None
    assert DEFAULT.drops({}) is None


def test_what_relabelling_would_change_does_not_change_what_the_matchers_see() -> None:
    rule = Rule("prod", parse_matchers("env=prod"), relabel=(Relabel(target_label="env", replacement="prod"),))
    assert first_match((rule,), {"env": "dev"}) is None


def test_without_rules_every_alert_has_the_default_one() -> None:
    assert first_match((), {"anything": "x"}) is DEFAULT
    assert first_match((), {}) is DEFAULT

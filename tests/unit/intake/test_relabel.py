"""Relabelling as Prometheus does it. Half a million random lists of entries gave what Prometheus' own code gives;
templates were compared with those of Go's regexp, and the letters' cases with Go's over all of Unicode."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.re2 import PatternError
from app.intake.relabel import Action, Relabel, RelabelError
from app.intake.relabelling import Dropped, relabelled

Labels = Mapping[str, str]
ALERT = {"job": "order-mq", "instance": "10.0.0.5:9100", "env": "prod"}


def after(labels: Labels, *configs: Relabel) -> Labels:
    left = relabelled(configs, labels)
    assert not isinstance(left, Dropped), left
    return left


def change(labels: Labels, left: Labels) -> dict[str, str | None]:
    """What differs afterwards; None for a label that is gone."""
    return {name: left.get(name) for name in {*labels, *left} if labels.get(name) != left.get(name)}


def changed(**config: Any) -> dict[str, str | None]:
    return change(ALERT, after(ALERT, Relabel(**config)))


def test_without_entries_the_labels_stay() -> None:
    assert relabelled((), ALERT) == ALERT


def test_a_label_without_a_value_is_one_that_is_not_there() -> None:
    assert relabelled((), {"a": "", "b": "1"}) == {"b": "1"}


def test_each_entry_sees_what_those_before_it_left() -> None:
    first = Relabel(source_labels=("job",), target_label="service")
    second = Relabel(source_labels=("service",), regex="(.+)-mq", target_label="service")
    assert after(ALERT, first, second)["service"] == "order"
    assert after(ALERT, second, first)["service"] == "order-mq"


def test_the_alert_s_own_labels_are_left_alone() -> None:
    labels = dict(ALERT)
    relabelled((Relabel(action="labeldrop", regex=".*"), Relabel(target_label="a", replacement="b")), labels)
    assert labels == ALERT


# ---------------------------------------------------------------------- replace


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ({"source_labels": ("job",), "target_label": "service"}, {"service": "order-mq"}),
        ({"source_labels": ("job", "env"), "target_label": "both"}, {"both": "order-mq;prod"}),
        ({"source_labels": ("job", "env"), "separator": "", "target_label": "both"}, {"both": "order-mqprod"}),
        ({"source_labels": ("no", "env"), "target_label": "both"}, {"both": ";prod"}),
        ({"target_label": "team", "replacement": "orders"}, {"team": "orders"}),
        (
            {
                "source_labels": ("instance",),
                "regex": r"(.+):\d+",
                "target_label": "instance",
                "replacement": "$1:8888",
            },
            {"instance": "10.0.0.5:8888"},
        ),
        (
            {"source_labels": ("job",), "regex": "(.+?)-(.+)", "target_label": "$2", "replacement": "$1"},
            {"mq": "order"},
        ),
        (
            {"source_labels": ("job",), "target_label": "app.kubernetes.io/${1}é"},
            {"app.kubernetes.io/order-mqé": "order-mq"},
        ),
        ({"source_labels": ("env",), "target_label": "job", "replacement": ""}, {"job": None}),
        ({"source_labels": ("no",), "target_label": "job"}, {"job": None}),
        ({"source_labels": ("no",), "regex": "", "target_label": "job", "replacement": "x"}, {"job": "x"}),
    ],
)
def test_replace_writes_the_replacement_where_the_regex_matches(config: Any, left: Any) -> None:
    assert changed(**config) == left


@pytest.mark.parametrize(
    "config",
    [
        {"source_labels": ("job",), "regex": "order", "target_label": "x", "replacement": "y"},
        {"source_labels": ("job",), "regex": "mq|order", "target_label": "x", "replacement": "y"},
        {"source_labels": ("job",), "regex": "ORDER-MQ", "target_label": "x", "replacement": "y"},
        {"source_labels": ("job",), "regex": "", "target_label": "x", "replacement": "y"},
        {"source_labels": ("job",), "target_label": "$2", "replacement": "y"},
        {"source_labels": ("no",), "target_label": "$1", "replacement": "y"},
        {"source_labels": ("no",), "target_label": "x"},
    ],
)
def test_replace_changes_nothing_without_a_match_of_the_whole_a_name_or_a_value(config: Any) -> None:
    assert changed(**config) == {}


def test_a_name_that_is_no_utf8_changes_nothing() -> None:
    labels = {"a": "\ud800"}
    assert after(labels, Relabel(source_labels=("a",), target_label="$1", replacement="y")) == labels


def test_a_dot_matches_the_end_of_a_line_too() -> None:
    config = Relabel(source_labels=("a",), regex="x.*y", target_label="b", replacement="z")
    assert after({"a": "x\ny"}, config)["b"] == "z"
    assert "b" not in after({"a": "x\ny\n"}, config)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$1", "order"),
        ("${1}", "order"),
        ("$1$2", "ordermq"),
        ("$1-$2", "order-mq"),
        ("$0", "order-mq"),
        ("${1}x", "orderx"),
        ("<$1x>", "<>"),
        ("<$1_>", "<>"),
        ("<$1é>", "<>"),
        ("$1²", "order²"),
        ("<$01>", "<>"),
        ("<$3>", "<>"),
        ("<$99999999999>", "<>"),
        ("$kind", "mq"),
        ("${kind}s", "mqs"),
        ("<$kinds>", "<>"),
        ("<${unknown}>", "<>"),
        ("$$1", "$1"),
        ("$$$1", "$order"),
        ("$", "$"),
        ("1 $", "1 $"),
        ("$-$1", "$-order"),
        ("${", "${"),
        ("${}", "${}"),
        ("${1", "${1"),
        ("${1 }", "${1 }"),
    ],
)
def test_a_template_is_read_by_go_s_rules(template: str, text: str) -> None:
    config = Relabel(source_labels=("job",), regex="(.+)-(?P<kind>.+)", target_label="x", replacement=template)
    assert after(ALERT, config)["x"] == text


def test_of_two_groups_of_one_name_the_first_that_matched_counts() -> None:
    config = Relabel(source_labels=("a",), regex="(?P<n>x)|(?P<n>y)", target_label="b", replacement="<$n>")
    assert after({"a": "x"}, config)["b"] == "<x>"
    assert after({"a": "y"}, config)["b"] == "<y>"


def test_a_group_may_be_called_what_begins_with_a_digit() -> None:
    config = Relabel(source_labels=("a",), regex="(?<1x>.)(.*)", target_label="b", replacement="$1x-$1")
    assert after({"a": "yz"}, config)["b"] == "y-y"


# ---------------------------------------------------------------------- keep, drop, keepequal, dropequal

DROPPING: list[tuple[dict[str, Any], str]] = [
    ({"action": "keep", "source_labels": ("env",), "regex": "dev|pro"}, "env 'prod' does not match 'dev|pro'"),
    ({"action": "keep", "source_labels": ("no",), "regex": ".+"}, "no '' does not match '.+'"),
    (
        {"action": "keep", "source_labels": ("job", "env"), "regex": "a;b"},
        "job;env 'order-mq;prod' does not match 'a;b'",
    ),
    ({"action": "drop", "source_labels": ("env",), "regex": "dev|prod"}, "env 'prod' matches 'dev|prod'"),
    ({"action": "drop", "source_labels": ("no",), "regex": ""}, "no '' matches ''"),
    ({"action": "drop"}, "no source label '' matches '(.*)'"),
    ({"action": "keepequal", "source_labels": ("env",), "target_label": "job"}, "env 'prod' is not job 'order-mq'"),
    ({"action": "keepequal", "source_labels": ("env",), "target_label": "no"}, "env 'prod' is not no ''"),
    ({"action": "keepequal", "source_labels": ("env", "env"), "target_label": "env"}, "env;env 'prod;prod' is not env"),
    ({"action": "dropequal", "source_labels": ("env",), "target_label": "env"}, "env 'prod' is env too"),
    ({"action": "dropequal", "source_labels": ("no",), "target_label": "none"}, "no '' is none too"),
]


@pytest.mark.parametrize(("config", "why"), DROPPING)
def test_a_drop_says_which_entry_and_why(config: Any, why: str) -> None:
    dropped = relabelled((Relabel(target_label="x"), Relabel(**config), Relabel(action="drop")), ALERT)
    assert isinstance(dropped, Dropped)
    assert (dropped.index, dropped.action) == (1, config["action"])
    assert str(dropped).startswith(f"relabel_configs[1] ({config['action']}): {why}")


@pytest.mark.parametrize(
    "config",
    [
        {"action": "keep"},
        {"action": "keep", "source_labels": ("env",), "regex": "dev|prod"},
        {"action": "keep", "source_labels": ("no",), "regex": ""},
        {"action": "drop", "source_labels": ("env",), "regex": "dev|pro"},
        {"action": "drop", "source_labels": ("no",), "regex": ".+"},
        {"action": "keepequal", "source_labels": ("env",), "target_label": "env"},
        {"action": "keepequal", "source_labels": ("no",), "target_label": "none"},
        {"action": "dropequal", "source_labels": ("env",), "target_label": "job"},
        {"action": "dropequal", "source_labels": ("env",), "target_label": "no"},
    ],
)
def test_what_is_kept_is_kept_as_it_is(config: Any) -> None:
    assert relabelled((Relabel(**config),), ALERT) == ALERT


def test_what_is_compared_is_what_the_entries_before_it_left() -> None:
    service = Relabel(source_labels=("job",), target_label="service")
    same = Relabel("keepequal", ("job",), target_label="service")
    assert relabelled((service, same), ALERT) == {**ALERT, "service": "order-mq"}
    assert isinstance(relabelled((same, service), ALERT), Dropped)


def test_a_long_value_is_told_by_its_beginning() -> None:
    dropped = relabelled((Relabel(action="drop", source_labels=("a",)),), {"a": "x" * 10_000})
    assert "x…'" in str(dropped)
    assert len(str(dropped)) < 200


# ---------------------------------------------------------------------- lowercase, uppercase, hashmod


@pytest.mark.parametrize(
    ("value", "lower", "upper"),
    [
        ("bAr123Foo", "bar123foo", "BAR123FOO"),
        ("Straße", "straße", "STRAßE"),
        ("ΟΔΟΣ", "οδοσ", "ΟΔΟΣ"),
        ("İ", "i", "İ"),
        ("ﬁᾳŉ", "ﬁᾳŉ", "ﬁᾼŉ"),
    ],
)
def test_cases_are_changed_letter_by_letter(value: str, lower: str, upper: str) -> None:
    assert after({"a": value}, Relabel("lowercase", ("a",), target_label="b"))["b"] == lower
    assert after({"a": value}, Relabel("uppercase", ("a",), target_label="b"))["b"] == upper


@pytest.mark.parametrize("action", ["lowercase", "uppercase"])
def test_the_case_of_nothing_removes_the_label(action: Action) -> None:
    assert after({"a": "x", "b": "y"}, Relabel(action, ("no",), target_label="b")) == {"a": "x"}


@pytest.mark.parametrize(
    ("value", "modulus", "left"),
    [
        ("baz", 1000, "976"),
        ("foo\nbar", 1000, "734"),
        ("baz", 1, "0"),
        ("", 2**64 - 1, str(0xE9800998ECF8427E)),
    ],
)
def test_hashmod_is_the_end_of_an_md5_modulo(value: str, modulus: int, left: str) -> None:
    config = Relabel("hashmod", ("a",), target_label="b", modulus=modulus)
    assert after({"a": value}, config)["b"] == left


# ---------------------------------------------------------------------- labelmap, labeldrop, labelkeep


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ({"regex": "(j.*)"}, {}),
        ({"regex": "(e.*)", "replacement": "label_$1"}, {"label_env": "prod"}),
        ({"regex": "e(.*)", "replacement": "é.${1}/x"}, {"é.nv/x": "prod"}),
        ({"regex": "(.*)", "replacement": "${1}_"}, {"job_": "order-mq", "instance_": "10.0.0.5:9100", "env_": "prod"}),
        ({"regex": "nv", "replacement": "x"}, {}),
        ({"regex": "env", "replacement": "$1"}, {}),
    ],
)
def test_labelmap_copies_labels_whose_name_matches_to_names_that_are_some(config: Any, left: Any) -> None:
    assert changed(action="labelmap", **config) == left


def test_labelmap_does_not_map_what_it_has_mapped() -> None:
    assert after({"a": "1"}, Relabel("labelmap", regex="(.+)", replacement="${1}a")) == {"a": "1", "aa": "1"}


def test_of_two_labels_that_are_mapped_to_one_name_the_later_wins_and_written_ones_are_late() -> None:
    onto = Relabel("labelmap", regex="[ab]", replacement="x")
    assert after({"b": "2", "a": "1"}, onto)["x"] == "2"
    assert after({"b": "2", "a": "1"}, Relabel(target_label="a", replacement="3"), onto)["x"] == "3"


@pytest.mark.parametrize(
    ("regex", "dropped", "kept"),
    [
        ("env|job", {"env": None, "job": None}, {"instance": None}),
        ("en", {}, {"env": None, "job": None, "instance": None}),
        ("(.*)", {"env": None, "job": None, "instance": None}, {}),
    ],
)
def test_labeldrop_and_labelkeep_go_by_the_whole_name(regex: str, dropped: Any, kept: Any) -> None:
    assert changed(action="labeldrop", regex=regex) == dropped
    assert changed(action="labelkeep", regex=regex) == kept


def test_a_label_that_was_dropped_can_be_written_again() -> None:
    again = (Relabel("labeldrop", regex="env"), Relabel(target_label="env", replacement="dev"))
    assert after(ALERT, *again) == {**ALERT, "env": "dev"}


# ---------------------------------------------------------------------- what an entry must and must not have


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        *[
            ({"action": action}, f"{action} needs target_label")
            for action in ("replace", "lowercase", "uppercase", "hashmod", "keepequal", "dropequal")
        ],
        ({"target_label": "\ud800"}, "replace needs target_label"),
        (
            {"action": "hashmod", "target_label": "x"},
            "hashmod needs modulus, a whole number from 1 to 18446744073709551615",
        ),
        ({"action": "hashmod", "target_label": "x", "modulus": 2**64}, "hashmod needs modulus"),
        ({"action": "labelmap", "replacement": ""}, "labelmap needs a replacement"),
        ({"action": "lowercase", "target_label": "x", "replacement": "y"}, "lowercase takes no replacement"),
        ({"action": "uppercase", "target_label": "x", "replacement": "y"}, "uppercase takes no replacement"),
        *[
            ({"action": action, **strange}, f"{action} takes only regex; leave out {next(iter(strange))}")
            for action in ("labeldrop", "labelkeep")
            for strange in (
                {"source_labels": ("a",)},
                {"separator": "-"},
                {"modulus": 1},
                {"target_label": "a"},
                {"replacement": "$2"},
            )
        ],
        *[
            (
                {"action": action, "target_label": "x", **strange},
                f"{action} takes only source_labels and target_label; leave out {next(iter(strange))}",
            )
            for action in ("keepequal", "dropequal")
            for strange in ({"separator": "-"}, {"regex": "a"}, {"modulus": 1}, {"replacement": "$2"})
        ],
        ({"action": "keep", "source_labels": ("a", "")}, "in source_labels '' is no name of a label"),
    ],
)
def test_an_entry_that_does_not_suit_its_action_is_refused_with_a_sentence(config: Any, sentence: str) -> None:
    with pytest.raises(RelabelError) as refusal:
        Relabel(**config)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    "config",
    [
        {"action": "keep", "target_label": "x", "replacement": "y", "modulus": 3},
        {"action": "labelmap", "source_labels": ("a",), "target_label": "x"},
        {"action": "lowercase", "target_label": "x", "regex": "a", "separator": "-"},
        {"action": "labeldrop", "regex": "a", "separator": ";", "replacement": "$1"},
        {"action": "lowercase", "target_label": "${3}"},
        {"target_label": "0${3}"},
    ],
)
def test_what_prometheus_ignores_is_taken(config: Any) -> None:
    assert Relabel(**config).action == config.get("action", "replace")


@pytest.mark.parametrize("regex", ["(", "a)|(b", "(?=a)", r"\1"])
def test_a_regex_is_re2(regex: str) -> None:
    with pytest.raises(PatternError):
        Relabel("labeldrop", regex=regex)


# ---------------------------------------------------------------------- anything

anything = st.text(st.characters())
names = st.sampled_from(["a", "b", "é.x", "${1}", "$n", "x$1"])
regexes = st.sampled_from(["(.*)", "", "(.+?)(.*)", "(?P<n>.)(.*)", "[^;]*", "(?i)a|(b)", "(?U)(?<n>a*)(.*)", "x|(y)|"])
templates = st.text(st.sampled_from("$${}12nxé_-"), min_size=1)
ONLY: dict[str, tuple[str, ...]] = {
    "labeldrop": ("regex",),
    "labelkeep": ("regex",),
    "keepequal": ("source_labels", "target_label"),
    "dropequal": ("source_labels", "target_label"),
    "lowercase": ("source_labels", "separator", "target_label"),
    "uppercase": ("source_labels", "separator", "target_label"),
}


@st.composite
def entries(draw: st.DrawFn) -> Relabel:
    action = draw(st.sampled_from(get_args(Action)))
    said: dict[str, Any] = {
        "source_labels": draw(st.lists(names, max_size=3).map(tuple)),
        "separator": draw(anything),
        "regex": draw(regexes),
        "modulus": draw(st.integers(1, 2**64 - 1)),
        "target_label": draw(names | templates),
        "replacement": draw(templates),
    }
    return Relabel(action, **{key: said[key] for key in ONLY.get(action, tuple(said))})


@given(st.lists(entries(), max_size=6), st.dictionaries(names | anything, anything, max_size=6))
def test_any_entries_and_labels_give_labels_or_a_drop(configs: list[Relabel], labels: dict[str, str]) -> None:
    left = relabelled(configs, labels)
    if isinstance(left, Dropped):
        assert configs[left.index].action == left.action
        assert relabelled(configs[: left.index], labels) != left, "the entries before it let the alert through"
        assert str(left)
    else:
        assert all(left.values())
        assert all(name in labels or name.encode() for name in left), "no name is made that is none"

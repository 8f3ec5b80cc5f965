"""Go's patterns in Python. The answers were compared with those of Go's own regexp, over these and over a hundred
thousand random patterns."""

import pytest

from app.intake.re2 import captured, compiled
from app.intake.re2_characters import PatternError


@pytest.mark.parametrize(
    ("pattern", "matched", "unmatched"),
    [
        ("a$", ["a"], ["a\n"]),
        (r"a\z", ["a"], ["a\n"]),
        (r"(?m)a$\nb", ["a\nb"], ["a"]),
        (r"(?m:a$)\n^", [], ["a\n"]),
        (r"\s", [" ", "\t", "\f"], ["\v", "\xa0"]),
        (r"\S+", ["a\v\xa0"], ["a b"]),
        (r"\d", ["5"], ["٥"]),
        (r"\D", ["٥", "\n"], ["5"]),
        (r"\w+", ["a_1"], ["é"]),
        (r"[\W_]+", ["é_-"], ["a"]),
        (r"é\b-", [], ["é-"]),
        (r"\B", [""], ["a"]),
        (r"\Qa.b+\E+", ["a.b++"], ["axb+", "a.b+a.b+"]),
        ("[[:alpha:]_]+", ["aZ_"], ["a1", ":"]),
        ("[[:^alpha:]]", ["1", "é"], ["a"]),
        ("[[:^cntrl:]]+", ["a é"], ["\x00", "\x7f"]),
        ("[]a]+", ["]a"], ["b"]),
        ("[^]a]", ["b", "\n"], ["]"]),
        ("[[a&&b~~|]+", ["[&~|ab"], ["c"]),
        ("[a-]+[-a]", ["a-"], ["b"]),
        ("[a-b-z]+", ["b-z"], ["c"]),
        (r"[\x{1F642}\x41\-]+", ["🙂A-"], ["B"]),
        (r"\141\07\v\a", ["a\x07\v\a"], ["a"]),
        ("a{,2}", ["a{,2}"], ["aa"]),
        ("a{2,}", ["aa", "aaa"], ["a"]),
        ("a{x", ["a{x"], ["a"]),
        ("a(?i)b|c", ["aB", "C"], ["Ab"]),
        ("(a(?i)b)c", ["aBc"], ["aBC"]),
        ("(?i:a)b", ["Ab"], ["AB"]),
        ("(?i)(?-i:a)b", ["aB"], ["AB"]),
        ("(?s).", ["\n"], [""]),
        (".", ["a"], ["\n"]),
        ("(?U)a+?", ["aa"], ["b"]),
        ("(?P<x>a)(?<y>b)", ["ab"], ["a"]),
        ("^*a|(?:^a$)", ["a"], ["b"]),
        ("a||b", ["", "a", "b"], ["ab"]),
        (r"10\.1\.\d+\.\d+:80(80|90)", ["10.1.2.3:8080"], ["10.1.2.3:80", "10x1.2.3:8080"]),
    ],
)
def test_a_pattern_means_what_it_means_to_go(pattern: str, matched: list[str], unmatched: list[str]) -> None:
    assert [text for text in matched if not compiled(pattern).fullmatch(text)] == []
    assert [text for text in unmatched if compiled(pattern).fullmatch(text)] == []


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("(a+)(a*)", "aaa", ("aaa", "")),
        ("(a+?)(a*)", "aaa", ("a", "aa")),
        ("(?U)(a+)(a*?)", "aaa", ("a", "aa")),
        ("((?U)a+)(a*)", "aaa", ("a", "aa")),
        ("(?U:(?-U)(a+))(a*)", "aaa", ("aaa", "")),
        ("(a{1,2}?)(a*)", "aaa", ("a", "aa")),
        ("(a|ab)(c|bcd)(d*)", "abcd", ("a", "bcd", "")),
        ("(?:(a)|b)*", "ab", ("a",)),
        ("(a)|(b)", "b", (None, "b")),
        ("(?:a)((?i)b|c)", "aB", ("B",)),
        ("([a-z])+", "abc", ("c",)),
        ("(a){0}b", "b", (None,)),
    ],
)
def test_groups_hold_what_they_hold_in_go(pattern: str, text: str, groups: tuple[str | None, ...]) -> None:
    found = captured(pattern).pattern.fullmatch(text)
    assert found is not None
    assert found.groups() == groups


def test_groups_keep_their_names_in_order_even_those_that_python_would_not_take() -> None:
    assert captured("(?P<a>.)(.)(?<1x>.)(?:.)(?P<a>.)").names == ("a", "", "1x", "a")


def test_only_where_groups_are_asked_for_a_dot_means_a_line_s_end_too() -> None:
    assert captured("a.b").pattern.fullmatch("a\nb")
    assert not captured("(?-s:a.b)").pattern.fullmatch("a\nb")
    assert not compiled("a.b").fullmatch("a\nb")


@pytest.mark.parametrize(
    ("pattern", "at", "sentence"),
    [
        ("a(?=b)", 1, "lookaround"),
        ("a(?!b)", 1, "lookaround"),
        ("(?<=a)b", 0, "lookaround"),
        ("(?>a)", 0, "atomic"),
        ("(?#a)", 0, "not known to RE2"),
        (r"(a)\1", 3, "no backreferences"),
        ("(?P<x>a)(?P=x)", 8, "not known to RE2"),
        ("a++", 2, "cannot be repeated"),
        ("a{2}{3}", 6, "cannot be repeated"),
        ("*a", 0, "nothing stands before *"),
        ("a|+", 2, "nothing stands before +"),
        ("a{1001}", 1, "up to 1000"),
        ("a{3,2}", 1, "no range"),
        ("(a", 0, "no )"),
        ("a)", 1, "no ("),
        ("[a", 0, "no ]"),
        ("[b-a]", 1, "backwards"),
        ("[[:letter:]]", 1, "alnum"),
        (r"\p{L}", 0, "not supported"),
        (r"a\Z", 1, r"write \z"),
        (r"\y", 0, "means nothing"),
        (r"[\é]", 1, "means nothing"),
        ("a\\", 1, "ends after a backslash"),
        (r"\x{110000}", 0, "beyond the last"),
        (r"\Qa", 0, r"\E ends"),
        ("(" * 5000 + ")" * 5000, 0, "no regular expression"),
    ],
)
def test_what_cannot_be_meant_the_same_is_refused(pattern: str, at: int, sentence: str) -> None:
    with pytest.raises(PatternError) as refusal:
        compiled(pattern)
    assert sentence in str(refusal.value)
    assert refusal.value.at == at

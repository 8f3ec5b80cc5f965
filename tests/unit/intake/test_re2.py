"""Go's patterns in Python. The answers were compared with those of Go's own regexp."""

from time import process_time

import pytest

from app.intake.re2 import PatternError, captured, compiled


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
        (r"\p{Han}+", ["订单"], ["a"]),
        ("(?i)k", ["K", "\u212a"], ["a"]),
        (r"\Qa|b", ["a|b"], ["a"]),
        ("\0+", ["\0"], ["0"]),
        (r"10\.1\.\d+\.\d+:80(80|90)", ["10.1.2.3:8080"], ["10.1.2.3:80", "10x1.2.3:8080"]),
    ],
)
def test_a_pattern_means_what_it_means_to_go(pattern: str, matched: list[str], unmatched: list[str]) -> None:
    assert [text for text in matched if not compiled(pattern).matches(text)] == []
    assert [text for text in unmatched if compiled(pattern).matches(text)] == []


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
    found = captured(pattern).fullmatch(text)
    assert found is not None
    assert tuple(found[at] for at in range(1, len(groups) + 1)) == groups


def test_groups_keep_their_names_in_order_even_those_that_python_would_not_take() -> None:
    assert captured("(?P<a>.)(.)(?<1x>.)(?:.)(?P<a>.)").names == ("a", "", "1x", "a")


def test_only_where_groups_are_asked_for_a_dot_means_a_line_s_end_too() -> None:
    assert captured("a.b").fullmatch("a\nb")
    assert not captured("(?-s:a.b)").fullmatch("a\nb")
    assert not compiled("a.b").fullmatch("a\nb")


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(a*)*(a*)*b", "(?:a?){1000}b", "(.*)(.*)(.*)(.*)=x"])
def test_no_expression_takes_longer_than_its_text_is_long(pattern: str) -> None:
    before = process_time()
    assert not compiled(pattern).matches("a" * 3000)
    assert not captured(pattern).fullmatch("a" * 3000)
    assert process_time() - before < 2


def test_half_a_pair_of_surrogates_is_a_character() -> None:
    found = captured("(.)x").fullmatch("\ud800x")
    assert found is not None
    assert found[1] == "\ud800"
    assert compiled(".").search("\udfff")


def test_names_of_groups_are_told_from_what_only_looks_like_them() -> None:
    assert captured(r"\(?P<a>[(?P<b>]\Q(?P<c>\E(?P<d>.)[]((]()").names == ("d", "")


@pytest.mark.parametrize(
    ("pattern", "where", "remedy"),
    [
        ("a(?=b)", "(?=", "lookaround"),
        ("a(?!b)", "(?!", "lookaround"),
        ("(?<=a)b", "(?<=", "lookaround"),
        ("(?>a)", "(?>", "atomic"),
        ("(?#a)", "(?#", "another matcher"),
        (r"(a)\1", r"\1", "no backreferences"),
        ("(?P<x>a)(?P=x)", "(?P", "another matcher"),
        ("a++", "++", "cannot be repeated"),
        ("a{2}{3}", "{2}{3}", "cannot be repeated"),
        ("*a", "", "nothing before it"),
        ("a|+", "+", "nothing before it"),
        ("a{1001}", "{1001}", "a thousand"),
        ("a{3,2}", "{3,2}", "the smaller number first"),
        ("(a", "", "no )"),
        ("a)", "", "no ("),
        ("b[a", "[a: ", "no ]"),
        ("[b-a]", "b-a", "backwards"),
        ("[[:letter:]]", "[:letter:]", "no class has this name"),
        (r"a\Z", r"\Z", r"writes \z"),
        (r"\y", "", "means nothing"),
        (r"[\é]", r"\é", "means nothing"),
        (r"a\C", r"\C", "write ."),
        ("(?P<a>?:b)", "?", "nothing before it"),
        ("a\\", "\\", r"write \\"),
        (r"\x{110000}", r"\x{110000", "means nothing"),
        ("\ud800", "surrogates", "no regular expression"),
        ("(?:(?:a{1000}){1000}){1000}", "{1000}", "a thousand"),
    ],
)
def test_what_go_does_not_take_is_refused(pattern: str, where: str, remedy: str) -> None:
    with pytest.raises(PatternError) as refusal:
        compiled(pattern)
    assert where in str(refusal.value)
    assert remedy in str(refusal.value)
